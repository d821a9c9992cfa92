import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { MS, mount } from "#lib/linux/mount.ts";
import { reasonToSkip } from "./box_probe.ts";
import { cgroupHierarchies, cgroupsOf } from "./cgroup_tree.ts";
import { mountsBelow } from "./mount_table.ts";
import { processesOf } from "./process_table.ts";
import { Sandbox } from "./sandbox.ts";

test.skipIf(reasonToSkip([]) !== undefined)(
  "closing a sandbox removes processes, mounts, cgroups and files that a test left",
  async () => {
    const sandbox = new Sandbox();
    const target = sandbox.path("mounted");
    mkdirSync(target);
    mount("tmpfs", target, "tmpfs", MS.NOSUID);
    mkdirSync(join(cgroupHierarchies()[0]!, sandbox.tag, "inner"), { recursive: true });
    // Daemonised: its parent is gone, nothing but its folder tells whose it is.
    await Bun.spawn(["setsid", "-f", "sleep", "1000"], { cwd: sandbox.folder }).exited;

    expect(mountsBelow(sandbox.folder)).toHaveLength(1);
    expect(cgroupsOf(sandbox.tag)).toHaveLength(2);
    expect(processesOf(sandbox.folder, sandbox.tag).map(({ command }) => command)).toEqual([
      "sleep 1000",
    ]);
    await sandbox.close();
    expect(mountsBelow(sandbox.folder)).toEqual([]);
    expect(cgroupsOf(sandbox.tag)).toEqual([]);
    expect(processesOf(sandbox.folder, sandbox.tag)).toEqual([]);
    expect(existsSync(sandbox.folder)).toBe(false);
  },
  60_000,
);
