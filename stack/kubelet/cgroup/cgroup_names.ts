import type { CgroupDriver } from "./cgroup_driver.ts";

const SLICE = ".slice";

/**
 * The cgroup of `names`, outermost first, as a path within each hierarchy. systemd's slices carry
 * the names of all above them, and a dash in a name would be one more level:
 * `["kubepods", "pod1-2"]` is `/kubepods.slice/kubepods-pod1_2.slice`.
 */
export function cgroupPath(driver: CgroupDriver, names: readonly string[]): string {
  if (driver === "cgroupfs") return names.map((name) => `/${name}`).join("");
  const stems = names.map((name) => name.replaceAll("-", "_"));
  return stems.map((_, at) => `/${stems.slice(0, at + 1).join("-")}${SLICE}`).join("");
}

/** The names that a path of either driver's stands for. */
export function cgroupNames(path: string): string[] {
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (!last.endsWith(SLICE)) return path.split("/").filter((name) => name !== "");
  const stem = last.slice(0, -SLICE.length);
  return stem.split("-").map((name) => name.replaceAll("_", "-"));
}

/** The last part of a path: with systemd the unit. */
export function unitOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Under which names runtimes make a container's cgroup below its pod's. */
export function containerNames(podPath: string, containerId: string): string[] {
  if (!podPath.endsWith(SLICE)) return [containerId];
  return ["docker", "cri-containerd", "crio"].map((prefix) => `${prefix}-${containerId}.scope`);
}
