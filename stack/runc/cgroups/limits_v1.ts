import { failure } from "#lib/errors/chain_error.ts";
import { statFile } from "#lib/linux/file.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import { errnoOfChain, readCgroupNumber, writeCgroupFile } from "./cgroup_files.ts";
import type { CgroupPaths } from "./cgroup_path.ts";

type Setter = (folder: string, config: CgroupConfig) => void;

const refused = (message: string) =>
  failure({ layer: "runc", op: "cgroup limits", code: "invalid_argument", message });

/** Real-time scheduling must be granted before a real-time process joins: also part of creation. */
export function setRealtime(folder: string, config: CgroupConfig): void {
  if (config.cpu_rt_period) {
    writeCgroupFile(folder, "cpu.rt_period_us", String(config.cpu_rt_period));
  }
  if (config.cpu_rt_quota) {
    writeCgroupFile(folder, "cpu.rt_runtime_us", String(config.cpu_rt_quota));
  }
}

function setCpu(folder: string, config: CgroupConfig): void {
  const { cpu_shares: shares, cpu_quota: quota, cpu_period: period } = config;
  if (shares) {
    writeCgroupFile(folder, "cpu.shares", String(shares));
    // The kernel clamps silently; what it took is what the container gets.
    const taken = Number(readCgroupNumber(folder, "cpu.shares") ?? BigInt(shares));
    if (shares > taken) throw refused(`the maximum allowed cpu-shares is ${taken}`);
    if (shares < taken) throw refused(`the minimum allowed cpu-shares is ${taken}`);
  }
  let periodLater = false;
  if (period) {
    try {
      writeCgroupFile(folder, "cpu.cfs_period_us", String(period));
    } catch (error) {
      // The old quota in the new period may exceed what the parent grants: set the quota first
      // then.
      if (errnoOfChain(error) !== "EINVAL" || !quota) throw error;
      periodLater = true;
    }
  }
  const burst = config.cpu_burst;
  const setBurst = () => writeCgroupFile(folder, "cpu.cfs_burst_us", String(burst));
  let burstLater = false;
  if (burst !== undefined && burst !== null) {
    try {
      setBurst();
    } catch (error) {
      // A burst above the old quota: the new quota has to come first.
      if (errnoOfChain(error) !== "EINVAL" || !quota) throw error;
      burstLater = true;
    }
  }
  if (quota) {
    writeCgroupFile(folder, "cpu.cfs_quota_us", String(quota));
    if (periodLater) writeCgroupFile(folder, "cpu.cfs_period_us", String(period));
    if (burstLater) setBurst();
  }
  if (config.cpu_idle !== undefined && config.cpu_idle !== null) {
    writeCgroupFile(folder, "cpu.idle", String(config.cpu_idle));
  }
  setRealtime(folder, config);
}

/** CPUs and memory nodes; written at creation too, since a process cannot join without them. */
export function setCpuset(folder: string, config: CgroupConfig): void {
  if (config.cpuset_cpus) writeCgroupFile(folder, "cpuset.cpus", config.cpuset_cpus);
  if (config.cpuset_mems) writeCgroupFile(folder, "cpuset.mems", config.cpuset_mems);
}

const LIMIT = "memory.limit_in_bytes";
const SWAP_LIMIT = "memory.memsw.limit_in_bytes";

function writeMemoryLimit(folder: string, bytes: number): void {
  try {
    writeCgroupFile(folder, LIMIT, String(bytes));
  } catch (error) {
    if (errnoOfChain(error) !== "EBUSY") throw error;
    const usage = readCgroupNumber(folder, "memory.usage_in_bytes");
    const peak = readCgroupNumber(folder, "memory.max_usage_in_bytes");
    throw refused(
      `unable to set memory limit to ${bytes} (current usage: ${usage}, peak usage: ${peak})`,
    );
  }
}

function setMemory(folder: string, config: CgroupConfig): void {
  const limit = config.memory ?? 0;
  let swap = config.memory_swap ?? 0;
  // Unlimited memory without a word on swap means unlimited swap, where the kernel counts it.
  if (limit === -1 && swap === 0 && statFile(`${folder}/${SWAP_LIMIT}`)) swap = -1;
  const writeSwap = () => {
    if (swap !== 0) writeCgroupFile(folder, SWAP_LIMIT, String(swap));
  };
  const writeLimit = () => {
    if (limit !== 0) writeMemoryLimit(folder, limit);
  };
  // The kernel demands limit <= memory+swap after each write: raise the outer, or lower the inner,
  // first.
  const current = readCgroupNumber(folder, LIMIT);
  const swapFirst =
    limit !== 0 && swap !== 0 && (swap === -1 || (current ?? 0n) < BigInt(Math.trunc(swap)));
  for (const write of swapFirst ? [writeSwap, writeLimit] : [writeLimit, writeSwap]) write();
  if (config.memory_reservation) {
    writeCgroupFile(folder, "memory.soft_limit_in_bytes", String(config.memory_reservation));
  }
  if (config.oom_kill_disable) writeCgroupFile(folder, "memory.oom_control", "1");
  const swappiness = config.memory_swappiness;
  if (swappiness === undefined || swappiness === null || swappiness === -1) return;
  if (swappiness < 0 || swappiness > 100) {
    throw refused(`invalid memory swappiness value: ${swappiness} (valid range is 0-100)`);
  }
  writeCgroupFile(folder, "memory.swappiness", String(swappiness));
}

function setPids(folder: string, config: CgroupConfig): void {
  const limit = config.pids_limit ?? 0;
  if (limit === 0) return;
  writeCgroupFile(folder, "pids.max", limit > 0 ? String(limit) : "max");
}

function setBlkio(folder: string, config: CgroupConfig): void {
  const bfq = statFile(`${folder}/blkio.weight`) ? "blkio" : "blkio.bfq";
  if (config.blkio_weight) writeCgroupFile(folder, `${bfq}.weight`, String(config.blkio_weight));
  if (config.blkio_leaf_weight) {
    writeCgroupFile(folder, "blkio.leaf_weight", String(config.blkio_leaf_weight));
  }
  for (const { major, minor, weight, leafWeight } of config.blkio_weight_device ?? []) {
    if (weight) writeCgroupFile(folder, `${bfq}.weight_device`, `${major}:${minor} ${weight}`);
    if (leafWeight) {
      writeCgroupFile(folder, "blkio.leaf_weight_device", `${major}:${minor} ${leafWeight}`);
    }
  }
  const throttles = {
    read_bps: config.blkio_throttle_read_bps_device,
    write_bps: config.blkio_throttle_write_bps_device,
    read_iops: config.blkio_throttle_read_iops_device,
    write_iops: config.blkio_throttle_write_iops_device,
  };
  for (const [kind, devices] of Object.entries(throttles)) {
    for (const { major, minor, rate } of devices ?? []) {
      writeCgroupFile(folder, `blkio.throttle.${kind}_device`, `${major}:${minor} ${rate}`);
    }
  }
}

function setHugetlb(folder: string, config: CgroupConfig): void {
  for (const { page_size: size, limit } of config.hugetlb_limit ?? []) {
    writeCgroupFile(folder, `hugetlb.${size}.limit_in_bytes`, String(limit));
  }
}

function setNetClass(folder: string, config: CgroupConfig): void {
  if (config.net_cls_classid_u) {
    writeCgroupFile(folder, "net_cls.classid", String(config.net_cls_classid_u));
  }
}

function setNetPriority(folder: string, config: CgroupConfig): void {
  for (const { interface: name, priority } of config.net_prio_ifpriomap ?? []) {
    writeCgroupFile(folder, "net_prio.ifpriomap", `${name} ${priority}`);
  }
}

/** Limits of RDMA devices; the same file in both hierarchies. */
export function setRdma(folder: string, config: CgroupConfig): void {
  for (const [device, limits] of Object.entries(config.rdma ?? {})) {
    const parts = [device];
    if (limits.hca_handles !== undefined) parts.push(`hca_handle=${limits.hca_handles}`);
    if (limits.hca_objects !== undefined) parts.push(`hca_object=${limits.hca_objects}`);
    writeCgroupFile(folder, "rdma.max", parts.join(" "));
  }
}

/** Which setting needs which controller; devices are in device_rules.ts. */
const SETTERS: readonly (readonly [string, Setter])[] = [
  ["cpuset", setCpuset],
  ["memory", setMemory],
  ["cpu", setCpu],
  ["pids", setPids],
  ["blkio", setBlkio],
  ["hugetlb", setHugetlb],
  ["net_cls", setNetClass],
  ["net_prio", setNetPriority],
  ["rdma", setRdma],
];

/** Whether any setting of this controller is asked for. */
export function needsController(controller: string, config: CgroupConfig): boolean {
  switch (controller) {
    case "cpuset":
      return Boolean(config.cpuset_cpus || config.cpuset_mems);
    case "memory":
      return Boolean(
        config.memory ||
          config.memory_swap ||
          config.memory_reservation ||
          config.oom_kill_disable ||
          (config.memory_swappiness ?? -1) !== -1,
      );
    case "cpu":
      return Boolean(
        config.cpu_shares ||
          config.cpu_quota ||
          config.cpu_period ||
          config.cpu_rt_period ||
          config.cpu_rt_quota,
      );
    case "pids":
      return Boolean(config.pids_limit);
    case "blkio":
      return Boolean(
        config.blkio_weight ||
          config.blkio_leaf_weight ||
          config.blkio_weight_device?.length ||
          config.blkio_throttle_read_bps_device?.length ||
          config.blkio_throttle_write_bps_device?.length ||
          config.blkio_throttle_read_iops_device?.length ||
          config.blkio_throttle_write_iops_device?.length,
      );
    case "hugetlb":
      return Boolean(config.hugetlb_limit?.length);
    case "net_cls":
      return Boolean(config.net_cls_classid_u);
    case "net_prio":
      return Boolean(config.net_prio_ifpriomap?.length);
    default:
      return Object.keys(config.rdma ?? {}).length > 0;
  }
}

/**
 * Writes the limits to v1 hierarchies. A limit whose controller the container has no cgroup in is
 * refused, so that nobody believes it to hold.
 */
export function setLimitsV1(paths: CgroupPaths, config: CgroupConfig): void {
  if (config.unified && Object.keys(config.unified).length > 0) {
    throw refused("invalid configuration: cannot use unified on cgroup v1");
  }
  for (const [controller, set] of SETTERS) {
    if (!needsController(controller, config)) continue;
    const folder = paths[controller];
    if (folder === undefined) {
      throw refused(`cannot set ${controller} limit: container could not join or create cgroup`);
    }
    set(folder, config);
  }
}
