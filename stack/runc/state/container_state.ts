import type { CgroupPaths } from "../cgroups/cgroup_path.ts";
import type { ContainerConfig } from "./container_config.ts";

/**
 * Version of what we add to state.json under our own key; a newer one is refused, not guessed at.
 */
export const STATE_SCHEMA = 1;

/** state.json of one container: libcontainer's keys, and ours in `catena`. */
export interface ContainerState {
  id: string;
  init_process_pid: number;
  /** Field 22 of /proc/PID/stat: tells the container's process from a later one with its number. */
  init_process_start: number;
  /** RFC 3339. */
  created: string;
  config: ContainerConfig;
  rootless: boolean;
  cgroup_paths: CgroupPaths;
  /** Namespace files by libcontainer's names, whatever created them. */
  namespace_paths: Record<string, string>;
  external_descriptors?: string[];
  intel_rdt_path?: string;
  catena?: CatenaState;
}

/** Absent in containers that genuine runc created. */
export interface CatenaState {
  schema: number;
  /** The release that wrote it. */
  version: string;
}

/** The bundle and the annotations that libcontainer keeps as labels. */
export function labelsOf(config: ContainerConfig): {
  bundle: string;
  annotations?: Record<string, string>;
} {
  let bundle = "";
  const annotations: Record<string, string> = {};
  for (const label of config.labels ?? []) {
    const split = label.indexOf("=");
    if (split < 0) continue;
    const key = label.slice(0, split);
    if (key === "bundle") bundle = label.slice(split + 1);
    else annotations[key] = label.slice(split + 1);
  }
  return Object.keys(annotations).length > 0 ? { bundle, annotations } : { bundle };
}

/** Namespace files of a container's process: those it was told to join, else its own. */
export function namespacePaths(config: ContainerConfig, pid: number): Record<string, string> {
  const files: Record<string, string> = {
    NEWCGROUP: "cgroup",
    NEWIPC: "ipc",
    NEWNET: "net",
    NEWNS: "mnt",
    NEWPID: "pid",
    NEWTIME: "time",
    NEWUSER: "user",
    NEWUTS: "uts",
  };
  const out: Record<string, string> = {};
  for (const [name, file] of Object.entries(files)) out[name] = `/proc/${pid}/ns/${file}`;
  for (const { type, path } of config.namespaces ?? []) if (path) out[type] = path;
  return out;
}
