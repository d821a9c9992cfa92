import type { LinuxResources } from "../runtime/runtime_config.ts";
import type { ResourceSpec } from "../spec/pod.ts";

const PERIOD_US = 100_000;
const MIN_QUOTA_US = 1_000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** CPU shares of a request in cores. */
export function cpuShares(cores: number): number {
  const shares = Math.floor(cores * 1024 + 1e-9);
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, shares));
}

/** The CFS quota of a limit in cores for a period of 100 ms. */
export function cpuQuotaUs(cores: number): number {
  return Math.max(MIN_QUOTA_US, Math.round(cores * PERIOD_US));
}

/** What the runtime is told of a container's resources. */
export function linuxResources(resources: ResourceSpec, oomScoreAdj: number): LinuxResources {
  const { limits, requests } = resources;
  const cpu = limits["cpu"] ?? 0;
  const hugepages = Object.entries(limits).filter(([name]) => name.startsWith("hugepages-"));
  return {
    cpuPeriod: BigInt(cpu > 0 ? PERIOD_US : 0),
    cpuQuota: BigInt(cpu > 0 ? cpuQuotaUs(cpu) : 0),
    cpuShares: BigInt(cpuShares(requests["cpu"] ?? 0)),
    memoryLimitInBytes: BigInt(Math.floor(limits["memory"] ?? 0)),
    oomScoreAdj: BigInt(oomScoreAdj),
    hugepageLimits: hugepages.map(([name, bytes]) => ({
      // The kernel's name of the size: 2MB for the resource hugepages-2Mi.
      pageSize: name.slice("hugepages-".length).replace(/i$/, "B"),
      limit: BigInt(Math.floor(bytes)),
    })),
  };
}
