import { specError } from "../spec/plan_builder.ts";
import type { DeviceRule, LinuxResources, WeightDevice } from "../spec/spec_resources.ts";
import {
  type CgroupConfig,
  cpuWeightOfShares,
  type DeviceRuleConfig,
  type WeightDeviceConfig,
} from "./cgroup_config.ts";

const code = (letter: string) => letter.charCodeAt(0);

/** A device type letter of the specification as its character code. Throws on any other. */
function deviceType(type: string, at: string): number {
  if (type === "a" || type === "b" || type === "c") return code(type);
  throw specError(`invalid cgroup device type ${JSON.stringify(type)}`, at);
}

function deviceRule(rule: DeviceRule, index: number): DeviceRuleConfig {
  const at = `linux.resources.devices[${index}]`;
  if (!rule.access) {
    throw specError(`device access at ${index} field cannot be empty`, `${at}.access`);
  }
  return {
    type: deviceType(rule.type || "a", `${at}.type`),
    major: rule.major ?? -1,
    minor: rule.minor ?? -1,
    permissions: rule.access,
    allow: rule.allow,
  };
}

const char = (major: number, minor: number, permissions = "rwm"): DeviceRuleConfig => ({
  type: code("c"),
  major,
  minor,
  permissions,
  allow: true,
});

/**
 * What every container may use: mknod of anything, null, random, full, tty, zero, urandom, its own
 * terminals, ptmx and tun (runc's list). A device of the container's own with the same path takes
 * the place of its default rule.
 */
export function defaultDeviceRules(ownPaths: ReadonlySet<string>): DeviceRuleConfig[] {
  const named: [string, number, number][] = [
    ["/dev/null", 1, 3],
    ["/dev/random", 1, 8],
    ["/dev/full", 1, 7],
    ["/dev/tty", 5, 0],
    ["/dev/zero", 1, 5],
    ["/dev/urandom", 1, 9],
  ];
  return [
    char(-1, -1, "m"),
    { ...char(-1, -1, "m"), type: code("b") },
    ...named.filter(([path]) => !ownPaths.has(path)).map(([, major, minor]) => char(major, minor)),
    char(136, -1),
    char(5, 2),
    char(10, 200),
  ];
}

const weightDevice = (device: WeightDevice): WeightDeviceConfig => ({
  major: device.major,
  minor: device.minor,
  weight: device.weight ?? 0,
  leafWeight: device.leafWeight ?? 0,
});

/**
 * `linux.resources` of the specification as runc keeps it. `devices` gets the specification's
 * rules; the defaults are appended by the caller. Refuses one, saying which field is
 * wrong.
 */
export function resourceConfig(resources: LinuxResources): CgroupConfig {
  const { memory, cpu, blockIO, network } = resources;
  const shares = cpu?.shares ?? 0;
  const config: CgroupConfig = {
    devices: (resources.devices ?? []).map(deviceRule),
    memory: memory?.limit ?? 0,
    memory_reservation: memory?.reservation ?? 0,
    memory_swap: memory?.swap ?? 0,
    memory_swappiness: memory?.swappiness ?? null,
    oom_kill_disable: memory?.disableOOMKiller ?? false,
    cpu_shares: shares,
    cpu_weight: cpuWeightOfShares(shares),
    cpu_quota: cpu?.quota ?? 0,
    cpu_period: cpu?.period ?? 0,
    cpu_rt_quota: cpu?.realtimeRuntime ?? 0,
    cpu_rt_period: cpu?.realtimePeriod ?? 0,
    cpuset_cpus: cpu?.cpus ?? "",
    cpuset_mems: cpu?.mems ?? "",
    pids_limit: resources.pids?.limit ?? 0,
    blkio_weight: blockIO?.weight ?? 0,
    blkio_leaf_weight: blockIO?.leafWeight ?? 0,
    blkio_weight_device: blockIO?.weightDevice?.map(weightDevice) ?? null,
    blkio_throttle_read_bps_device: blockIO?.throttleReadBpsDevice ?? null,
    blkio_throttle_write_bps_device: blockIO?.throttleWriteBpsDevice ?? null,
    blkio_throttle_read_iops_device: blockIO?.throttleReadIOPSDevice ?? null,
    blkio_throttle_write_iops_device: blockIO?.throttleWriteIOPSDevice ?? null,
    hugetlb_limit:
      resources.hugepageLimits?.map(({ pageSize, limit }) => ({ page_size: pageSize, limit })) ??
      null,
    net_cls_classid_u: network?.classID ?? 0,
    net_prio_ifpriomap:
      network?.priorities?.map(({ name, priority }) => ({ interface: name, priority })) ?? null,
    rdma: rdmaConfig(resources.rdma),
    unified: resources.unified ?? null,
  };
  if (memory?.checkBeforeUpdate) config.memory_check_before_update = true;
  if (cpu?.burst !== undefined) config.cpu_burst = cpu.burst;
  if (cpu?.idle !== undefined) config.cpu_idle = cpu.idle;
  return config;
}

function rdmaConfig(rdma: LinuxResources["rdma"]): NonNullable<CgroupConfig["rdma"]> | null {
  if (!rdma || Object.keys(rdma).length === 0) return null;
  const out: NonNullable<CgroupConfig["rdma"]> = {};
  for (const [device, limits] of Object.entries(rdma)) {
    out[device] = {};
    if (limits.hcaHandles !== undefined) out[device].hca_handles = limits.hcaHandles;
    if (limits.hcaObjects !== undefined) out[device].hca_objects = limits.hcaObjects;
  }
  return out;
}
