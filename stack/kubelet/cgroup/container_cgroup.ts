import { readTextIfAny, statFile } from "#lib/linux/file.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import { type CgroupMount, mountWith } from "./cgroup_mounts.ts";

/**
 * The folder of a container's cgroup in the hierarchy of one controller. Runtimes put it below the
 * pod's cgroup under the container's id; where there is none, the first process is asked.
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
  const usual = `${mount.folder}${podPath}/${containerId}`;
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
