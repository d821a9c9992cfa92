import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { createCgroup } from "./cgroup_create.ts";
import { freezeCgroup, freezerState, thawCgroup } from "./cgroup_freezer.ts";
import { cgroupLayout } from "./cgroup_layout.ts";
import { cgroupProcesses, signalCgroup } from "./cgroup_processes.ts";
import { removeCgroup } from "./cgroup_remove.ts";
import { plannedPaths, setLimits } from "./container_cgroup.ts";
import { joinTarget } from "./join_target.ts";
import { resourceConfig } from "./resource_config.ts";

const root = process.getuid?.() === 0;
const v1 = Boolean(cgroupLayout().v1["pids"]);

/** A cgroup with limits and one process, in this host's own hierarchies. */
async function withCgroup(work: (paths: Record<string, string>, pid: number) => Promise<void>) {
  const config = {
    ...resourceConfig({ pids: { limit: 20 }, memory: { limit: 50_000_000 } }),
    path: `/runc-test-${process.pid}/box`,
  };
  const paths = createCgroup(cgroupLayout(), plannedPaths(config), config);
  const child = Bun.spawn(["sleep", "1000"]);
  try {
    setLimits(paths, config);
    for (const path of Object.values(paths)) writeFileSync(`${path}/cgroup.procs`, `${child.pid}`);
    await work(paths, child.pid);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    await removeCgroup(paths);
    const parents = Object.entries(paths).map(([key, path]) => [key, path.replace(/\/box$/, "")]);
    await removeCgroup(Object.fromEntries(parents));
    for (const path of Object.values(paths)) expect(existsSync(path)).toBe(false);
  }
}

test.skipIf(!root)("a cgroup is made, limited, frozen, thawed, emptied and removed", async () => {
  await withCgroup(async (paths, pid) => {
    expect(cgroupProcesses(paths)).toEqual([pid]);
    expect(freezerState(paths)).toBe("THAWED");
    freezeCgroup(paths);
    expect(freezerState(paths)).toBe("FROZEN");
    thawCgroup(paths);
    expect(freezerState(paths)).toBe("THAWED");
    const levels = joinTarget(paths, "/state").pidsLevels;
    expect(levels.length).toBe(2);
    expect(readFileSync(levels[0]!.max, "utf8")).toBe("20\n");
    signalCgroup(paths, 9);
  });
});

test.skipIf(!root)("nested cgroups count and go with their parent", async () => {
  await withCgroup(async (paths, pid) => {
    const nested = `${paths["pids"] ?? paths[""]}/nested/deep`;
    mkdirSync(nested, { recursive: true });
    if (paths["pids"]) writeFileSync(`${nested}/cgroup.procs`, `${pid}`);
    expect(cgroupProcesses(v1 ? { "": paths["pids"]! } : paths)).toEqual([pid]);
  });
});

test.skipIf(!root || !v1)("a limit that the kernel refuses is told in runc's words", async () => {
  await withCgroup(async (paths) => {
    const low = () => setLimits(paths, { cpu_shares: 1 });
    expect(low).toThrow(/the minimum allowed cpu-shares is 2/);
    expect(() => setLimits(paths, { unified: { "a.b": "1" } })).toThrow(/cannot use unified/);
    try {
      setLimits(paths, { cpuset_cpus: "4000" });
      throw new Error("accepted");
    } catch (error) {
      expect((error as ChainError).message).toMatch(
        /failed to write "4000": write \/sys\/fs\/cgroup\/cpuset\/.*: /,
      );
    }
  });
});
