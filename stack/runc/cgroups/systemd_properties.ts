import {
  amount,
  INFINITY,
  property,
  QUOTA_STEP_US,
  type UnitProperty,
} from "#lib/systemd/unit_property.ts";
import { lookUp } from "../spec/name_table.ts";
import { specError } from "../spec/plan_builder.ts";
import {
  type CgroupConfig,
  cpuWeightOfShares,
  ioWeightOfBlkio,
  swapOfMemorySwap,
} from "./cgroup_config.ts";

const DEFAULT_PERIOD_US = 100_000;

/**
 * A container's limits as properties of its unit, so that systemd, which writes a unit's files anew
 * whenever it reloads, writes the same. What has no property (hugetlb, rdma, most unified keys) is
 * in the cgroup's files alone, which systemd then does not touch. Devices are left out: a program
 * that systemd attached would have to allow whatever ours allows, by paths that need not exist.
 * `pureV2` chooses between the names of the two versions. Refuses malformed values.
 */
export function limitProperties(config: CgroupConfig, pureV2: boolean): UnitProperty[] {
  const out = pureV2 ? propertiesV2(config) : propertiesV1(config);
  if (config.pids_limit) out.push(amount("TasksMax", config.pids_limit));
  out.push(...quotaProperties(config.cpu_quota ?? 0, config.cpu_period ?? 0));
  out.push(...cpusetProperties(config.cpuset_cpus, config.cpuset_mems));
  if (pureV2) out.push(...unifiedProperties(config.unified ?? {}));
  return out;
}

function propertiesV2(config: CgroupConfig): UnitProperty[] {
  const out: UnitProperty[] = [];
  if (config.memory) out.push(amount("MemoryMax", config.memory));
  if (config.memory_reservation) out.push(amount("MemoryLow", config.memory_reservation));
  const swap = swapOfMemorySwap(config.memory_swap ?? 0, config.memory ?? 0);
  if (swap !== undefined) out.push(amount("MemorySwapMax", swap));
  const weight = config.cpu_weight || cpuWeightOfShares(config.cpu_shares ?? 0);
  if (weight) out.push(amount("CPUWeight", weight));
  if (config.blkio_weight) out.push(amount("IOWeight", ioWeightOfBlkio(config.blkio_weight)));
  const rates = {
    IOReadBandwidthMax: config.blkio_throttle_read_bps_device,
    IOWriteBandwidthMax: config.blkio_throttle_write_bps_device,
    IOReadIOPSMax: config.blkio_throttle_read_iops_device,
    IOWriteIOPSMax: config.blkio_throttle_write_iops_device,
  };
  for (const [name, devices] of Object.entries(rates)) {
    if (!devices?.length) continue;
    const value = devices.map(({ major, minor, rate }) => [
      `/dev/block/${major}:${minor}`,
      rate ? BigInt(rate) : INFINITY,
    ]);
    out.push(property(name, "a(st)", value));
  }
  return out;
}

function propertiesV1(config: CgroupConfig): UnitProperty[] {
  const out: UnitProperty[] = [];
  if (config.memory) out.push(amount("MemoryLimit", config.memory));
  if (config.cpu_shares) out.push(amount("CPUShares", config.cpu_shares));
  if (config.blkio_weight) out.push(amount("BlockIOWeight", config.blkio_weight));
  return out;
}

function quotaProperties(quotaUs: number, periodUs: number): UnitProperty[] {
  if (quotaUs === 0 && periodUs === 0) return [];
  const out = periodUs > 0 ? [amount("CPUQuotaPeriodUSec", periodUs)] : [];
  if (quotaUs <= 0) return [...out, property("CPUQuotaPerSecUSec", "t", INFINITY)];
  const perSecond = Math.floor((quotaUs * 1_000_000) / (periodUs || DEFAULT_PERIOD_US));
  const rounded = Math.ceil(perSecond / QUOTA_STEP_US) * QUOTA_STEP_US;
  return [...out, amount("CPUQuotaPerSecUSec", rounded)];
}

function cpusetProperties(cpus = "", mems = ""): UnitProperty[] {
  const out: UnitProperty[] = [];
  if (cpus) out.push(property("AllowedCPUs", "ay", rangeBits(cpus)));
  if (mems) out.push(property("AllowedMemoryNodes", "ay", rangeBits(mems)));
  return out;
}

/** More than any kernel is built for. */
const MAX_CPUS = 8192;

/** "0-2,5" as a bit mask, the lowest numbers in the first byte. Refuses others. */
export function rangeBits(list: string): Buffer {
  const bytes: number[] = [];
  for (const part of list.split(",")) {
    const [, first, last] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    const from = Number(first);
    const to = Number(last ?? first);
    if (first === undefined || to < from || to >= MAX_CPUS) {
      const why = `invalid range ${JSON.stringify(part)} in ${JSON.stringify(list)}`;
      throw specError(why, "linux.resources.cpu");
    }
    for (let bit = from; bit <= to; bit++) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return Buffer.from(bytes);
}

const UNIFIED_AMOUNTS: Record<string, string> = {
  "cpu.weight": "CPUWeight",
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.max": "MemoryMax",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
};

function unifiedProperties(unified: Record<string, string>): UnitProperty[] {
  return Object.entries(unified).flatMap(([key, raw]) => {
    const value = raw.trim();
    const name = lookUp(UNIFIED_AMOUNTS, key);
    if (name) return [amount(name, value === "max" ? -1 : wholeNumber(key, value))];
    if (key === "cpuset.cpus") return cpusetProperties(value);
    if (key === "cpuset.mems") return cpusetProperties("", value);
    if (key !== "cpu.max") return [];
    const [quota = "", period] = value.split(/\s+/);
    return quotaProperties(
      quota === "max" ? -1 : wholeNumber(key, quota),
      period === undefined ? DEFAULT_PERIOD_US : wholeNumber(key, period),
    );
  });
}

function wholeNumber(key: string, text: string): number {
  if (!/^\d+$/.test(text)) {
    const why = `unified resource ${JSON.stringify(key)} value invalid: ${text}`;
    throw specError(why, `linux.resources.unified.${key}`);
  }
  return Number(text);
}
