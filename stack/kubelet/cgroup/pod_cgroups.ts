import { cgroupIdsCause } from "#lib/errors/cgroup_ids_cause.ts";
import { type ChainError, toChainError } from "#lib/errors/chain_error.ts";
import {
  ignoring,
  listFolder,
  makeFolder,
  readTextIfAny,
  removeFolder,
  statFile,
  writeText,
} from "#lib/linux/file.ts";
import type { Pod } from "../spec/pod.ts";
import type { DriverAgreement } from "./cgroup_driver.ts";
import type { CgroupMount } from "./cgroup_mounts.ts";
import { cgroupNames, cgroupPath } from "./cgroup_names.ts";
import { cpuQuotaUs, cpuShares } from "./linux_resources.ts";
import { cpuWeight, type PodLimits, startSlice, stopSlice } from "./pod_slice.ts";
import { qosClass } from "./qos_class.ts";

export interface PodCgroupOptions {
  /** Above `kubepods`: "/" or "/name". */
  root: string;
  mounts: readonly CgroupMount[];
  driver: DriverAgreement;
  /** Most processes and threads of one pod; undefined for no limit. */
  podPidsLimit?: number;
}

const V2_CONTROLLERS = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"];
/** A pod's tree is its own folder, its containers' and what those made below them. */
const MAX_DEPTH = 16;

/**
 * The tree `kubepods[/burstable|/besteffort]/pod<uid>` in every hierarchy, or the same names as
 * systemd's slices. The runtime makes each container's cgroup below the pod's, which is its
 * `cgroup_parent`.
 */
export class PodCgroups {
  readonly #options: PodCgroupOptions;

  constructor(options: PodCgroupOptions) {
    this.#options = options;
  }

  /** The pod's cgroup as a path within each hierarchy. */
  pathOf(pod: Pick<Pod, "uid" | "spec">): string {
    const qos = qosClass(pod.spec);
    const group = qos === "Guaranteed" ? [] : [qos.toLowerCase()];
    return this.#path([...group, `pod${pod.uid}`]);
  }

  /**
   * Makes the pod's cgroups, by the driver that the runtime has, and writes their limits. Rejects
   * with a ChainError that names the file, or the drivers when they differ.
   */
  async create(pod: Pod): Promise<void> {
    const { driver, mounts } = this.#options;
    const systemd = (await driver.agree()) === "systemd";
    const path = this.pathOf(pod);
    const limits = podLimits(pod, this.#options.podPidsLimit);
    if (systemd) await startSlice(path, limits, mounts.every(isV2));
    for (const mount of mounts) {
      const folder = `${mount.folder}${path}`;
      try {
        makeCgroup(mount, path);
        writeLimits(mount, folder, limits);
      } catch (error) {
        throw cgroupFailed(error, path, folder);
      }
    }
  }

  /** Removes the pod's cgroups; those that are busy are left, and false is returned then. */
  async remove(path: string): Promise<boolean> {
    const { driver, mounts } = this.#options;
    const isThere = mounts.some(({ folder }) => statFile(`${folder}${path}`));
    if (isThere && driver.current === "systemd") await stopSlice(path);
    return mounts
      .map(({ folder }) => removeTreeOf(`${folder}${path}`, 0))
      .every((removed) => removed);
  }

  /** Paths of the pod cgroups that exist, by their pods' uids. */
  existing(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { folder } of this.#options.mounts) {
      for (const group of [[], ["burstable"], ["besteffort"]]) {
        const path = this.#path(group);
        const depth = cgroupNames(path).length;
        if (!statFile(`${folder}${path}`)) continue;
        for (const { name, isFolder } of listFolder(`${folder}${path}`)) {
          const last = cgroupNames(`/${name}`)[this.#isSystemd ? depth : 0] ?? "";
          if (isFolder && /^pod[a-zA-Z0-9-]+$/.test(last)) {
            found.set(last.slice(3), `${path}/${name}`);
          }
        }
      }
    }
    return found;
  }

  get #isSystemd(): boolean {
    return this.#options.driver.current === "systemd";
  }

  #path(below: string[]): string {
    const { driver, root } = this.#options;
    return cgroupPath(driver.current, [...cgroupNames(root), "kubepods", ...below]);
  }
}

const isV2 = ({ version }: CgroupMount) => version === 2;

function writeLimits(mount: CgroupMount, folder: string, limits: PodLimits): void {
  const { cpuShares: shares, cpuQuotaUs: quota, memoryBytes, pids } = limits;
  writeIfThere(`${folder}/pids.max`, pids === undefined ? "max" : String(pids));
  if (mount.version === 1) {
    writeIfThere(`${folder}/cpu.shares`, String(shares));
    if (quota) writeIfThere(`${folder}/cpu.cfs_quota_us`, String(quota));
    if (memoryBytes) writeIfThere(`${folder}/memory.limit_in_bytes`, String(memoryBytes));
    return;
  }
  writeIfThere(`${folder}/cpu.weight`, String(cpuWeight(shares)));
  if (quota) writeIfThere(`${folder}/cpu.max`, `${quota} 100000`);
  if (memoryBytes) writeIfThere(`${folder}/memory.max`, String(memoryBytes));
}

/** What a pod may use in all; a limit counts only where every container has one. */
function podLimits({ spec }: Pod, pids: number | undefined): PodLimits {
  const running = [...spec.containers, ...spec.initContainers.filter(({ sidecar }) => sidecar)];
  const passing = spec.initContainers.filter(({ sidecar }) => !sidecar);
  const requested = (name: string) => {
    const together = running.reduce(
      (sum, { resources }) => sum + (resources.requests[name] ?? 0),
      0,
    );
    return Math.max(together, ...passing.map(({ resources }) => resources.requests[name] ?? 0));
  };
  const limited = (name: string) => {
    if (![...running, ...passing].every(({ resources }) => resources.limits[name])) return 0;
    const together = running.reduce((sum, { resources }) => sum + resources.limits[name]!, 0);
    return Math.max(together, ...passing.map(({ resources }) => resources.limits[name]!));
  };
  const cpuLimit = limited("cpu");
  const memoryBytes = Math.floor(limited("memory"));
  return {
    cpuShares: cpuShares(requested("cpu")),
    ...(cpuLimit > 0 && { cpuQuotaUs: cpuQuotaUs(cpuLimit) }),
    ...(memoryBytes > 0 && { memoryBytes }),
    ...(pids !== undefined && { pids }),
  };
}

function makeCgroup(mount: CgroupMount, path: string): void {
  let at = "";
  for (const part of path.split("/").filter((name) => name !== "")) {
    const parent = `${mount.folder}${at}`;
    if (mount.version === 2) enableControllers(parent);
    at = `${at}/${part}`;
    ignoring("EEXIST", () => makeFolder(`${mount.folder}${at}`, 0o755));
    if (mount.controllers.includes("cpuset")) inheritCpuset(parent, `${mount.folder}${at}`);
  }
}

/** A new v1 cpuset has neither processors nor memory, and no process can join it. */
function inheritCpuset(parent: string, folder: string): void {
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    if (readTextIfAny(`${folder}/${name}`)?.trim() !== "") continue;
    writeText(`${folder}/${name}`, readTextIfAny(`${parent}/${name}`)?.trim() ?? "");
  }
}

function enableControllers(folder: string): void {
  const has = (readTextIfAny(`${folder}/cgroup.controllers`) ?? "").trim().split(" ");
  const on = (readTextIfAny(`${folder}/cgroup.subtree_control`) ?? "").trim().split(" ");
  for (const name of V2_CONTROLLERS) {
    if (!has.includes(name) || on.includes(name)) continue;
    // EBUSY: a cgroup with processes of its own; what it cannot give its children they lack.
    ignoring("EBUSY", () => writeText(`${folder}/cgroup.subtree_control`, `+${name}`));
  }
}

function writeIfThere(file: string, text: string): void {
  if (statFile(file)) writeText(file, text);
}

function removeTreeOf(folder: string, depth: number): boolean {
  if (!statFile(folder)) return true;
  if (depth > MAX_DEPTH) return false;
  for (const { name, isFolder } of listFolder(folder)) {
    if (isFolder) removeTreeOf(`${folder}/${name}`, depth + 1);
  }
  try {
    ignoring("ENOENT", () => removeFolder(folder));
    return true;
  } catch {
    return false;
  }
}

function cgroupFailed(error: unknown, path: string, folder: string): ChainError {
  const cause = toChainError(error, "kernel", "write cgroup");
  const noIds = cause.evidence.some(({ kind, value }) => kind === "errno" && value === "ENOSPC");
  return cause.wrap({
    layer: "kubelet",
    op: "create pod cgroup",
    code: cause.outer.code,
    message: `pod cgroup ${path}`,
    ...(noIds ? cgroupIdsCause(folder) : {}),
  });
}
