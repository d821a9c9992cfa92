import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import type { BundleOptions, RuntimeConfig } from "../../lib/runtime_bundle.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { RUNTIMES } from "./runtime_list.ts";
import {
  delegateHierarchy,
  hierarchyOptions,
  readKey,
  readKnob,
  V2Container,
  writeKnob,
} from "./v2_container.ts";

/** A writable cgroup file system in a cgroup namespace of its own: what docker-in-docker gets. */
const ownTree = (config: RuntimeConfig) => {
  (config.linux["namespaces"] as { type: string }[]).push({ type: "cgroup" });
  const mount = config.mounts.find(({ destination }) => destination === "/sys/fs/cgroup");
  mount!["options"] = ["nosuid", "noexec", "nodev", "rw"];
};

/** What systemd or dind does first: leave the top cgroup, so that controllers can be enabled. */
const NESTING = [
  "mkdir /sys/fs/cgroup/init.scope /sys/fs/cgroup/empty",
  "echo $$ > /sys/fs/cgroup/init.scope/cgroup.procs",
  "echo '+pids +memory' > /sys/fs/cgroup/cgroup.subtree_control",
  "trap exit TERM; while :; do sleep 1000 & wait $!; done",
].join(" && ");

for (const { name, binary, ours } of RUNTIMES) {
  describe.skipIf(isElsewhere("v2"))(laneTitle("v2", `${name}: processes on cgroup v2`), () => {
    let sandbox: Sandbox;

    beforeAll(async () => {
      sandbox = new Sandbox();
      await delegateHierarchy();
    });
    afterAll(() => sandbox?.close());

    const run = (id: string, options: Partial<BundleOptions> = {}) =>
      V2Container.run(sandbox, binary, id, options);

    test("devices are denied by an eBPF program, the usual ones allowed", async () => {
      const container = await run("devices", {
        edit: (config) => {
          const capabilities = config.process["capabilities"] as Record<string, string[]>;
          for (const set of Object.values(capabilities)) set.push("CAP_MKNOD");
          config["root"] = { path: "rootfs", readonly: false };
          for (const mount of config.mounts) {
            if (mount["destination"] === "/dev") mount["options"] = ["nosuid", "mode=755"];
          }
        },
      });
      const script = "echo x > /dev/null && cat /dev/vda0 2>&1; mknod /dev/d b 254 0; cat /dev/d";
      const result = await container.exec("sh", "-c", script);
      expect(result.stderr).toContain("Operation not permitted");
      expect(result.code).not.toBe(0);
      expect((await container.exec("sh", "-c", "echo x > /dev/null")).code).toBe(0);
      await container.remove();
    });

    test("pause freezes, resume thaws", async () => {
      const container = await run("pause");
      const cgroup = await container.cgroup();
      await container.runtime.must(["pause", "pause"]);
      expect(readKnob(cgroup, "cgroup.freeze")).toBe("1");
      expect(readKey(cgroup, "cgroup.events", "frozen")).toBe(1);
      expect(await container.runtime.status("pause")).toBe("paused");
      expect((await container.exec("true")).code).not.toBe(0);
      await container.runtime.must(["resume", "pause"]);
      expect(readKnob(cgroup, "cgroup.freeze")).toBe("0");
      expect((await container.exec("true")).code).toBe(0);
      await container.remove();
    });

    test("a paused container is deleted by force", async () => {
      const container = await run("frozen");
      const cgroup = await container.cgroup();
      await container.runtime.must(["pause", "frozen"]);
      await container.remove();
      expect(existsSync(cgroup)).toBe(false);
    });

    test("an exec is in the container's cgroup and keeps its exit code", async () => {
      const container = await run("exec");
      const result = await container.exec("sh", "-c", "cat /proc/self/cgroup; exit 42");
      expect(result.code).toBe(42);
      expect(result.stdout.trim()).toBe(`0::/${sandbox.tag}/exec`);
      await container.remove();
    });

    test("in a cgroup namespace, init and exec see their cgroup as the root", async () => {
      const container = await run("namespace", { edit: ownTree });
      const result = await container.exec("cat", "/proc/self/cgroup", "/proc/1/cgroup");
      expect(result.stdout).toBe("0::/\n0::/\n");
      const procs = await container.exec("cat", "/sys/fs/cgroup/cgroup.procs");
      expect(procs.stdout.split("\n")).toContain("1");
      await container.remove();
    });

    // crun 1.8 cannot: its exec joins the top cgroup, which refuses.
    test("exec enters a container whose init has moved into a sub-cgroup", async () => {
      const container = await run("nested", { args: ["sh", "-c", NESTING], edit: ownTree });
      const top = `/sys/fs/cgroup/${sandbox.tag}/nested`;
      await waitUntil("the container enables controllers", () =>
        readKnob(top, "cgroup.subtree_control").includes("pids"),
      );
      const result = await container.exec("cat", "/proc/self/cgroup");
      expect(result.stderr).toBe("");
      expect(result.stdout).toContain("init.scope");
      await container.remove();
      expect(existsSync(top)).toBe(false);
    });

    test("kill --all and delete end processes in nested cgroups too", async () => {
      const container = await run("tree", { args: ["sh", "-c", NESTING], edit: ownTree });
      const top = `/sys/fs/cgroup/${sandbox.tag}/tree`;
      await waitUntil("the container enables controllers", () =>
        readKnob(top, "cgroup.subtree_control").includes("pids"),
      );
      await container.runtime.must(["kill", "--all", "tree", "KILL"]);
      await waitUntil("nothing is left", () => readKey(top, "cgroup.events", "populated") === 0);
      await container.runtime.must(["delete", "--force", "tree"]);
      expect(existsSync(top)).toBe(false);
    });

    if (ours)
      test("exec follows init out of a cgroup that was removed", async () => {
        const container = await run("gone");
        const cgroup = await container.cgroup();
        const elsewhere = `/sys/fs/cgroup/${sandbox.tag}/elsewhere`;
        mkdirSync(elsewhere);
        for (const pid of readKnob(cgroup, "cgroup.procs").split("\n")) {
          writeKnob(elsewhere, "cgroup.procs", pid);
        }
        rmdirSync(cgroup);
        const result = await container.exec("cat", "/proc/self/cgroup");
        expect(result.stdout.trim()).toBe(`0::/${sandbox.tag}/elsewhere`);
        await container.remove();
      });

    if (ours)
      test("a container without a cgroup namespace leaves the host's delegation", async () => {
        const container = await run("delegation");
        expect(hierarchyOptions()).toBe("rw,nsdelegate,memory_recursiveprot");
        await container.remove();
      });

    test("ps lists the processes of the cgroup and below", async () => {
      const container = await run("ps");
      const listed = JSON.parse(await container.runtime.must(["ps", "--format", "json", "ps"]));
      const held = readKnob(await container.cgroup(), "cgroup.procs")
        .split("\n")
        .map(Number);
      expect(listed.sort()).toEqual(held.sort());
      await container.remove();
    });

    test("nothing stays in the tree", () => {
      const left = readdirSync(`/sys/fs/cgroup/${sandbox.tag}`, { withFileTypes: true });
      expect(left.filter((entry) => entry.isDirectory()).map((entry) => entry.name)).toEqual(
        ours ? ["elsewhere"] : [],
      );
    });
  });
}
