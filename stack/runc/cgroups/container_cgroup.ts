import { readText } from "#lib/linux/file.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import { cgroupLayout, parseProcessCgroups } from "./cgroup_layout.ts";
import { type CgroupPaths, cgroupPaths, isUnified } from "./cgroup_path.ts";
import { setLimitsV1 } from "./limits_v1.ts";
import { setLimitsV2 } from "./limits_v2.ts";

/** The folders that a container's cgroup will have on this host. */
export function plannedPaths(config: CgroupConfig): CgroupPaths {
  return cgroupPaths(cgroupLayout(), parseProcessCgroups(readText("/proc/self/cgroup")), config);
}

/** Writes every limit of a container but its device rules, on whichever hierarchy it lives. */
export function setLimits(paths: CgroupPaths, config: CgroupConfig): void {
  if (isUnified(paths)) setLimitsV2(paths[""]!, config);
  else setLimitsV1(paths, config);
}
