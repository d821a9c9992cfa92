import { readTextIfAny, statFile } from "#lib/linux/file.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import { type CgroupMount, mountWith } from "./cgroup_mounts.ts";
import { containerNames } from "./cgroup_names.ts";

/** A container's cgroup below its pod's, as a path within each hierarchy, where it usually is. */
export function containerPath(
  mounts: readonly CgroupMount[],
  podPath: string,
  containerId: string,
): string {
  const paths = containerNames(podPath, containerId).map((name) => `${podPath}/${name}`);
  const isThere = (path: string) => mounts.some(({ folder }) => statFile(`${folder}${path}`));
  return paths.find(isThere) ?? paths[0]!;
}

/**
 * The folder of a container's cgroup in the hierarchy of one controller. Where it is not at
 * its usual place below the pod's cgroup, the first process is asked.
 */
export async function containerCgroup(
  mounts: readonly CgroupMount[],
  controller: string,
  podPath: string,
  containerId: string,
  runtime?: PodRuntime,
): Promise<string | undefined> {
  const mount = mountWith(mounts, controller);
  if (!mount) return undefined;
  const usual = `${mount.folder}${containerPath([mount], podPath, containerId)}`;
  if (statFile(usual)) return usual;
  const pid = await runtime?.containerPid(containerId).catch(() => undefined);
  if (pid === undefined) return undefined;
  const line = readTextIfAny(`/proc/${pid}/cgroup`)
    ?.split("\n")
    .find((text) => {
      const names = text.split(":")[1]?.split(",") ?? [];
      return mount.version === 2 ? text.startsWith("0::") : names.includes(controller);
    });
  const path = line?.split(":").slice(2).join(":");
  return path === undefined || path === "/" ? undefined : `${mount.folder}${path}`;
}
