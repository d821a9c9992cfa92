import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mustRun, runCommand } from "../../lib/command.ts";
import type { BundleOptions, RuntimeConfig } from "../../lib/runtime_bundle.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { RUNTIMES } from "../v2/runtime_list.ts";
import { pidsSettle, readKnob, V2Container } from "../v2/v2_container.ts";

const MIB = 1 << 20;
const ROOT = "/sys/fs/cgroup";

/** Properties of a unit; what systemd does not know has LoadState not-found. */
async function show(unit: string, ...names: string[]): Promise<Record<string, string>> {
  const text = await mustRun(["systemctl", "show", unit, `--property=${names.join(",")}`]);
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

async function isGone(unit: string): Promise<boolean> {
  const { ActiveState } = await show(unit, "ActiveState");
  return ActiveState === "inactive";
}

// crun keeps containers one cgroup below their scope: it is no control for where they lie.
for (const { name, binary, ours } of RUNTIMES.filter((one) => one.name !== "genuine crun")) {
  describe.skipIf(isElsewhere("systemd"))(laneTitle("systemd", `${name} --systemd-cgroup`), () => {
    let sandbox: Sandbox;

    beforeAll(() => {
      sandbox = new Sandbox();
    });
    afterAll(() => sandbox?.close());

    const run = (id: string, edit: (config: RuntimeConfig) => void, options = {}) => {
      const all: Partial<BundleOptions> = {
        ...options,
        edit(config) {
          config.linux["cgroupsPath"] = `system.slice:catest:${id}`;
          edit(config);
        },
      };
      return V2Container.run(sandbox, binary, id, all, ["--systemd-cgroup"]);
    };
    const limits = (config: RuntimeConfig) =>
      Object.assign(config.linux.resources, {
        memory: { limit: 64 * MIB, swap: 96 * MIB },
        pids: { limit: 33 },
        cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: "0", mems: "0" },
      });
    const files = (cgroup: string) =>
      ["memory.max", "memory.swap.max", "pids.max", "cpu.weight", "cpu.max", "cpuset.cpus"].map(
        (file) => readKnob(cgroup, file),
      );

    test("the container is a scope with its limits, which survive daemon-reload", async () => {
      const container = await run("limits", limits);
      const unit = "catest-limits.scope";
      const cgroup = await container.cgroup();
      expect(cgroup).toBe(`${ROOT}/system.slice/${unit}`);
      const shown = await show(unit, "ActiveState", "Delegate", "MemoryMax", "TasksMax");
      expect(shown).toEqual({
        ActiveState: "active",
        Delegate: "yes",
        MemoryMax: String(64 * MIB),
        TasksMax: "33",
      });
      const wanted = [String(64 * MIB), String(32 * MIB), "33", "20", "20000 50000", "0"];
      expect(files(cgroup)).toEqual(wanted);
      await mustRun(["systemctl", "daemon-reload"]);
      expect(files(cgroup)).toEqual(wanted);
      const execed = await container.exec("sh", "-c", "cat /proc/self/cgroup; exit 42");
      expect(execed.code).toBe(42);
      expect(execed.stdout).toContain(unit);
      await container.remove();
      expect(existsSync(cgroup)).toBe(false);
      expect(await isGone(unit)).toBe(true);
    });

    test("the holder of the place is gone when the container is there", async () => {
      const container = await run("alone", () => {}, { args: ["sleep", "1000"] });
      const cgroup = await container.cgroup();
      await pidsSettle(cgroup, 1);
      expect(readKnob(cgroup, "cgroup.procs")).toBe(String(await container.initPid()));
      await container.remove();
    });

    if (ours)
      test("a container of one process has room for that one", async () => {
        const container = await run("one", () => {}, { args: ["sleep", "1000"], pidsLimit: 1 });
        expect(readKnob(await container.cgroup(), "pids.max")).toBe("1");
        const refused = await container.exec("true");
        expect(refused.code).not.toBe(0);
        expect(refused.stderr).toContain("is full: 1 of 1");
        await container.remove();
      });

    test("an update is systemd's too", async () => {
      const container = await run("update", limits);
      const cgroup = await container.cgroup();
      const args = [
        "--memory",
        String(80 * MIB),
        "--memory-swap",
        String(-1),
        "--pids-limit",
        "44",
      ];
      await container.runtime.must(["update", ...args, "update"]);
      const check = () => {
        expect(readKnob(cgroup, "memory.max")).toBe(String(80 * MIB));
        expect(readKnob(cgroup, "pids.max")).toBe("44");
      };
      check();
      await mustRun(["systemctl", "daemon-reload"]);
      check();
      expect(await show("catest-update.scope", "TasksMax")).toEqual({ TasksMax: "44" });
      await container.remove();
    });

    test("slices nest as their names say", async () => {
      const container = await run("nested", (config) => {
        config.linux["cgroupsPath"] = "catest-inner.slice:pod:nested";
      });
      expect(await container.cgroup()).toBe(
        `${ROOT}/catest.slice/catest-inner.slice/pod-nested.scope`,
      );
      await container.remove();
      expect(await isGone("pod-nested.scope")).toBe(true);
    });

    test("annotations set properties of the unit", async () => {
      const container = await run("annotated", (config) => {
        config["annotations"] = {
          "org.systemd.property.TimeoutStopUSec": "uint64 123456789",
          "org.systemd.property.CollectMode": "'inactive-or-failed'",
        };
      });
      const shown = await show("catest-annotated.scope", "TimeoutStopUSec", "CollectMode");
      expect(shown).toEqual({
        TimeoutStopUSec: "2min 3.456789s",
        CollectMode: "inactive-or-failed",
      });
      await container.remove();
    });

    test("devices stay denied over daemon-reload", async () => {
      const container = await run("devices", (config) => {
        const capabilities = config.process["capabilities"] as Record<string, string[]>;
        for (const set of Object.values(capabilities)) set.push("CAP_MKNOD");
        for (const mount of config.mounts) {
          if (mount["destination"] === "/dev") mount["options"] = ["nosuid", "mode=755"];
        }
      });
      await mustRun(["systemctl", "daemon-reload"]);
      const denied = await container.exec("sh", "-c", "mknod /dev/d b 254 0; cat /dev/d");
      expect(denied.stderr).toContain("Operation not permitted");
      expect((await container.exec("sh", "-c", "echo x > /dev/null")).code).toBe(0);
      await container.remove();
    });

    test("a failed creation leaves no unit", async () => {
      const failed = run("failed", () => {}, { args: ["/no/such/program"] });
      await expect(failed).rejects.toThrow("/no/such/program");
      expect(await isGone("catest-failed.scope")).toBe(true);
      expect(existsSync(`${ROOT}/system.slice/catest-failed.scope`)).toBe(false);
    });

    test("no scope of these tests is left", async () => {
      const list = await runCommand([
        "systemctl",
        "list-units",
        "--all",
        "--plain",
        "catest-*.scope",
      ]);
      expect(list.stdout).toContain("0 loaded units");
    });
  });
}
