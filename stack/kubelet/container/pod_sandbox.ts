import { mkdirSync } from "node:fs";
import type { PodCgroups } from "../cgroup/pod_cgroups.ts";
import type { SandboxConfig } from "../runtime/runtime_config.ts";
import type { Pod } from "../spec/pod.ts";
import { podHostname } from "../volume/container_mounts.ts";
import type { PodFolders } from "../volume/pod_folders.ts";
import { sandboxConfig } from "./container_config.ts";

/** The configuration of a pod's sandbox on this node; its log folder exists afterwards. */
export function podSandboxConfig(
  pod: Pod,
  attempt: number,
  { cgroups, folders }: { cgroups: PodCgroups; folders: PodFolders },
): SandboxConfig {
  const logFolder = folders.podLogs(pod);
  mkdirSync(logFolder, { recursive: true, mode: 0o755 });
  const hostname = podHostname(pod);
  return sandboxConfig(pod, { attempt, cgroupParent: cgroups.pathOf(pod), logFolder, hostname });
}
