import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { FaultStack, type StackKind } from "../../faults/fault_stack.ts";
import { mustRun, runCommand } from "../../lib/command.ts";
import { makeBundle } from "../../lib/runtime_bundle.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { RuncClient } from "../../swap/runc_client.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { PID_MAX, RESERVED_PIDS, threads, withSysctl } from "./host_limits.ts";

// What a whole host runs out of: on a shared one nobody could try.

/** Threads that are left, of which the doctor takes some: few enough for "none left". */
const ROOM = 20;
const DOCTOR_MS = 120_000;
const ATTEMPTS = 4;

async function diagnose(stack: FaultStack, container: string): Promise<string | null> {
  const sockets = ["--docker", stack.dockerSocket, "--containerd", stack.containerdSocket];
  const argv = [binPath("catena"), "doctor", "--json", ...sockets, container];
  const { stdout, stderr } = await runCommand(argv, { timeoutMs: DOCTOR_MS });
  if (stdout === "") throw new Error(`the doctor said nothing: ${stderr}`);
  return JSON.parse(stdout).cause?.id ?? null;
}

for (const kind of ["genuine", "catena"] satisfies StackKind[]) {
  describe.skipIf(isElsewhere("v2"))(laneTitle("v2", `a host's limits, ${kind} stack`), () => {
    let stack: FaultStack;
    let container: string;

    beforeAll(async () => {
      stack = await FaultStack.start(kind);
      container = await stack.run([]);
    });
    afterAll(() => stack?.sandbox.close());

    test("the doctor finds a healthy host well", async () => {
      expect(await diagnose(stack, container)).toBeNull();
    });

    test("the doctor names kernel.threads-max", async () => {
      await withSysctl("threads-max", threads() + ROOM, async () => {
        expect(await diagnose(stack, container)).toBe("threads-max");
      });
    });

    test("the doctor names kernel.pid_max", async () => {
      const sleepers: Bun.Subprocess[] = [];
      // Daemons end threads that they no longer need, so ids may come free while the doctor looks.
      const occupied = async () => {
        const low = readdirSync("/proc").filter((name) => Number(name) < RESERVED_PIDS).length;
        const missing = PID_MAX - RESERVED_PIDS + low - ROOM - threads();
        for (let i = 0; i < missing; i++) sleepers.push(Bun.spawn(["sleep", "1000"]));
        return diagnose(stack, container);
      };
      try {
        await withSysctl("pid_max", PID_MAX, async () => {
          let found: string | null = null;
          for (let i = 0; i < ATTEMPTS && found === null; i++) found = await occupied();
          expect(found).toBe("pid-max");
        });
      } finally {
        for (const one of sleepers) one.kill();
      }
    });
  });
}

describe.skipIf(isElsewhere("v2"))(laneTitle("v2", "a host's limits, catena alone"), () => {
  let sandbox: Sandbox;

  beforeAll(() => {
    sandbox = new Sandbox();
  });
  afterAll(() => sandbox?.close());

  test("a full tree of cgroups is named, with the fix, and nothing stays", async () => {
    const runc = RuncClient.ours(sandbox);
    const bundle = await makeBundle(sandbox, "tree", { args: ["true"] });
    const parent = `/sys/fs/cgroup/${sandbox.tag}`;
    mkdirSync(parent, { recursive: true });
    writeFileSync(`${parent}/cgroup.max.descendants`, "0");
    const result = await runc.call(["run", "-b", bundle, "tree"]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("cgroup.max.descendants is 0");
    expect(result.stderr).toContain(`raise ${parent}/cgroup.max.descendants`);
    expect(await runc.status("tree")).toBeUndefined();
    writeFileSync(`${parent}/cgroup.max.descendants`, "max");
    expect((await runc.call(["run", "-b", bundle, "tree"])).code).toBe(0);
  });

  test("a full disk under the states fails cleanly, and passes when there is room", async () => {
    const runc = RuncClient.ours(sandbox);
    const bundle = await makeBundle(sandbox, "disk", { args: ["true"] });
    mkdirSync(runc.root, { recursive: true });
    await mustRun(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", runc.root]);
    await runCommand(["dd", "if=/dev/zero", `of=${runc.root}/filler`, "bs=1k"]);
    const result = await runc.call(["run", "-b", bundle, "disk"]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("no space left on device");
    rmSync(`${runc.root}/filler`);
    expect((await runc.call(["run", "-b", bundle, "disk"])).code).toBe(0);
    await mustRun(["umount", runc.root]);
  });
});
