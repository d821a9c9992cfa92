import { specError } from "../spec/plan_builder.ts";

/**
 * A container's cgroup settings in the shape that runc keeps in state.json (`config.cgroups`), so
 * that genuine runc reads ours and we its. Zero and empty mean "not set", as there.
 */
export interface CgroupConfig {
  name?: string;
  parent?: string;
  /** The cleaned cgroupsPath; empty when name and parent place the cgroup. */
  path?: string;
  scope_prefix?: string;
  Systemd?: boolean;
  Rootless?: boolean;
  /** The host user who owns the cgroup when it is mounted writable in the container. */
  owner_uid?: number;
  devices?: DeviceRuleConfig[] | null;
  /** Bytes; -1 is unlimited. */
  memory?: number;
  memory_reservation?: number;
  /** Memory and swap together, bytes; -1 is unlimited. */
  memory_swap?: number;
  memory_swappiness?: number | null;
  oom_kill_disable?: boolean;
  memory_check_before_update?: boolean;
  cpu_shares?: number;
  /** Microseconds in each period; -1 is unlimited. */
  cpu_quota?: number;
  cpu_burst?: number | null;
  cpu_period?: number;
  cpu_rt_quota?: number;
  cpu_rt_period?: number;
  cpu_idle?: number | null;
  /** v2 only: derived from cpu_shares. */
  cpu_weight?: number;
  cpuset_cpus?: string;
  cpuset_mems?: string;
  /** 0 is "not set", negative is unlimited. */
  pids_limit?: number;
  blkio_weight?: number;
  blkio_leaf_weight?: number;
  blkio_weight_device?: WeightDeviceConfig[] | null;
  blkio_throttle_read_bps_device?: ThrottleDeviceConfig[] | null;
  blkio_throttle_write_bps_device?: ThrottleDeviceConfig[] | null;
  blkio_throttle_read_iops_device?: ThrottleDeviceConfig[] | null;
  blkio_throttle_write_iops_device?: ThrottleDeviceConfig[] | null;
  freezer?: string;
  hugetlb_limit?: { page_size: string; limit: number }[] | null;
  net_prio_ifpriomap?: { interface: string; priority: number }[] | null;
  net_cls_classid_u?: number;
  rdma?: Record<string, { hca_handles?: number; hca_objects?: number }> | null;
  unified?: Record<string, string> | null;
}

export interface DeviceRuleConfig {
  /** The character code of a (all), b, c. */
  type: number;
  /** -1 is any. */
  major: number;
  minor: number;
  /** Any of r, w, m. */
  permissions: string;
  allow: boolean;
}

export interface WeightDeviceConfig {
  major: number;
  minor: number;
  weight: number;
  leafWeight: number;
}

export interface ThrottleDeviceConfig {
  major: number;
  minor: number;
  rate: number;
}

/**
 * The v2 weight of v1 cpu shares: [2, 262144] to [1, 10000], linear, as runc 1.x maps it.
 * Returns 0 ("not set") for 0.
 */
export function cpuWeightOfShares(shares: number): number {
  if (shares === 0) return 0;
  const clamped = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor(((clamped - 2) * 9999) / 262142);
}

/** The v2 io.weight of a v1 blkio weight: [10, 1000] to [1, 10000]. Returns 0 for 0. */
export function ioWeightOfBlkio(weight: number): number {
  if (weight === 0) return 0;
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

const SWAP = "linux.resources.memory.swap";

/**
 * v2's memory.swap.max for v1's memory+swap: -1 unlimited, undefined "leave as it is".
 * Refuses what does not fit together.
 */
export function swapOfMemorySwap(memorySwap: number, memory: number): number | undefined {
  if (memory === -1 && memorySwap === 0) return -1;
  if (memorySwap === -1) return -1;
  if (memorySwap === 0) return undefined;
  if (memory === 0 || memory === -1) {
    throw specError("unable to set swap limit without memory limit", SWAP);
  }
  if (memory < 0) {
    throw specError(`invalid memory value: ${memory}`, "linux.resources.memory.limit");
  }
  if (memorySwap < memory) {
    throw specError("memory+swap limit should be >= memory limit", SWAP);
  }
  return memorySwap - memory;
}
