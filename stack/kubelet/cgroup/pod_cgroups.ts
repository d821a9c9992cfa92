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
import type { CgroupMount } from "./cgroup_mounts.ts";
import { cpuQuotaUs, cpuShares } from "./linux_resources.ts";
import { qosClass } from "./qos_class.ts";

export interface PodCgroupOptions {
  /** Above `kubepods`: "/" or "/name". */
  root: string;
  mounts: readonly CgroupMount[];
  /** Most processes and threads of one pod; undefined for no limit. */
  podPidsLimit?: number;
}

const V2_CONTROLLERS = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"];
/** A pod's tree is its own folder, its containers' and what those made below them. */
const MAX_DEPTH = 16;

/**
 * The tree `kubepods[/burstable|/besteffort]/pod<uid>` in every hierarchy. The runtime makes each
 * container's cgroup below the pod's, which is its `cgroup_parent`.
 */
export class PodCgroups {
  readonly #options: PodCgroupOptions;

  constructor(options: PodCgroupOptions) {
    this.#options = options;
  }

  /** The pod's cgroup as a path within each hierarchy. */
  pathOf(pod: Pick<Pod, "uid" | "spec">): string {
    return `${this.#classPath(pod)}/pod${pod.uid}`;
  }

  /** Makes the pod's cgroups and writes their limits. Throws a ChainError that names the file. */
  create(pod: Pod): void {
    const path = this.pathOf(pod);
    for (const mount of this.#options.mounts) {
      try {
        makeCgroup(mount, path);
        this.#limit(mount, `${mount.folder}${path}`, pod);
      } catch (error) {
        throw cgroupFailed(error, path, `${mount.folder}${path}`);
      }
    }
  }

  /** Removes the pod's cgroups; those that are busy are left, and false is returned then. */
  remove(path: string): boolean {
    return this.#options.mounts
      .map(({ folder }) => removeTreeOf(`${folder}${path}`, 0))
      .every((removed) => removed);
  }

  /** Paths of the pod cgroups that exist, by their pods' uids. */
  existing(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { folder } of this.#options.mounts) {
      for (const parent of ["", "/burstable", "/besteffort"]) {
        const path = `${this.#kubepods}${parent}`;
        if (!statFile(`${folder}${path}`)) continue;
        for (const { name, isFolder } of listFolder(`${folder}${path}`)) {
          if (isFolder && /^pod[a-zA-Z0-9-]+$/.test(name))
            found.set(name.slice(3), `${path}/${name}`);
        }
      }
    }
    return found;
  }

  get #kubepods(): string {
    return `${this.#options.root === "/" ? "" : this.#options.root}/kubepods`;
  }

  #classPath(pod: Pick<Pod, "spec">): string {
    const qos = qosClass(pod.spec);
    return qos === "Guaranteed" ? this.#kubepods : `${this.#kubepods}/${qos.toLowerCase()}`;
  }

  #limit(mount: CgroupMount, folder: string, pod: Pod): void {
    const { podPidsLimit } = this.#options;
    const max = podPidsLimit === undefined ? "max" : String(podPidsLimit);
    writeIfThere(`${folder}/pids.max`, max);
    const { cpuCores, cpuLimit, memoryLimit } = podTotals(pod);
    if (mount.version === 1) {
      writeIfThere(`${folder}/cpu.shares`, String(cpuShares(cpuCores)));
      if (cpuLimit > 0) writeIfThere(`${folder}/cpu.cfs_quota_us`, String(cpuQuotaUs(cpuLimit)));
      if (memoryLimit > 0) writeIfThere(`${folder}/memory.limit_in_bytes`, String(memoryLimit));
      return;
    }
    // As runc maps shares onto weights: 2..262144 onto 1..10000.
    const weight = 1 + Math.floor(((cpuShares(cpuCores) - 2) * 9999) / 262_142);
    writeIfThere(`${folder}/cpu.weight`, String(weight));
    if (cpuLimit > 0) writeIfThere(`${folder}/cpu.max`, `${cpuQuotaUs(cpuLimit)} 100000`);
    if (memoryLimit > 0) writeIfThere(`${folder}/memory.max`, String(memoryLimit));
  }
}

/** What a pod needs in all; a limit counts only where every container has one (0 otherwise). */
function podTotals({ spec }: Pod) {
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
  return {
    cpuCores: requested("cpu"),
    cpuLimit: limited("cpu"),
    memoryLimit: Math.floor(limited("memory")),
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
