import { readFileSync } from "node:fs";
import type { LinuxContainerResources } from "#gen/wire/cri/proto/resources_pb.ts";
import type { ContainerResources } from "#wire/docker-api/types/container_config.ts";

const CAP_SYS_RESOURCE = 24;

/**
 * CRI limits as Docker's; 0 leaves a limit unset in both. Huge pages and single cgroup v2 files
 * have no place in Docker's API; the pod's cgroup, which the kubelet itself limits, holds them.
 */
export function dockerResources(resources: LinuxContainerResources): ContainerResources {
  const memory = Number(resources.memoryLimitInBytes);
  const swap = Number(resources.memorySwapLimitInBytes);
  const out: ContainerResources = {};
  if (memory > 0) {
    out.Memory = memory;
    // Memory and swap together: the same number means no swap.
    out.MemorySwap = swap > 0 ? swap : memory;
  }
  if (resources.cpuShares > 0n) out.CpuShares = Number(resources.cpuShares);
  if (resources.cpuPeriod > 0n) out.CpuPeriod = Number(resources.cpuPeriod);
  if (resources.cpuQuota !== 0n) out.CpuQuota = Number(resources.cpuQuota);
  if (resources.cpusetCpus !== "") out.CpusetCpus = resources.cpusetCpus;
  if (resources.cpusetMems !== "") out.CpusetMems = resources.cpusetMems;
  return out;
}

/** Docker's limits in the CRI's words, for ContainerStatus. */
export function criResources(resources: ContainerResources & { OomScoreAdj?: number | null }) {
  return {
    cpuPeriod: BigInt(resources.CpuPeriod ?? 0),
    cpuQuota: BigInt(resources.CpuQuota ?? 0),
    cpuShares: BigInt(resources.CpuShares ?? 0),
    memoryLimitInBytes: BigInt(resources.Memory ?? 0),
    memorySwapLimitInBytes: BigInt(Math.max(resources.MemorySwap ?? 0, 0)),
    oomScoreAdj: BigInt(resources.OomScoreAdj ?? 0),
    cpusetCpus: resources.CpusetCpus ?? "",
    cpusetMems: resources.CpusetMems ?? "",
  };
}

/**
 * The OOM score that can be given: a process without CAP_SYS_RESOURCE may not go below its own, and
 * nor may the runtime under it. Outside a cut-down container it is the wanted one.
 */
export function possibleOomScore(wanted: number): number {
  const own = hostLimits();
  return own.mayLower ? wanted : Math.max(wanted, own.score);
}

let known: { mayLower: boolean; score: number } | undefined;

function hostLimits(): { mayLower: boolean; score: number } {
  if (known) return known;
  const effective = readFileSync("/proc/self/status", "utf8").match(/^CapEff:\s*([0-9a-f]+)/m);
  const capabilities = BigInt(`0x${effective?.[1] ?? "0"}`);
  known = {
    mayLower: ((capabilities >> BigInt(CAP_SYS_RESOURCE)) & 1n) === 1n,
    score: Number(readFileSync("/proc/self/oom_score_adj", "utf8")),
  };
  return known;
}
