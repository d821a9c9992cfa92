import type { ContainerResources } from "#wire/docker-api/types/container_config.ts";
import { invalid } from "../refusals.ts";
import { blockLimits } from "./block_limits.ts";
import type { HostFacts } from "./host_facts.ts";
import type { OciResources } from "./oci_types.ts";

/** The least memory that dockerd lets a container have. */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
const CPU_PERIOD_US = 100_000;

/** Translates limits. A field that is unset, or 0 where 0 means "no limit", is left out. */
export function ociResources(host: ContainerResources): OciResources {
  const out: OciResources = {};
  const memory: NonNullable<OciResources["memory"]> = {};
  if (host.Memory) memory.limit = host.Memory;
  if (host.MemoryReservation) memory.reservation = host.MemoryReservation;
  // Docker's rule: twice the memory when a limit is given and swap is not.
  if (host.MemorySwap) memory.swap = host.MemorySwap;
  else if (host.Memory) memory.swap = host.Memory * 2;
  if (host.MemorySwappiness !== null && host.MemorySwappiness !== undefined) {
    if (host.MemorySwappiness >= 0) memory.swappiness = host.MemorySwappiness;
  }
  if (host.OomKillDisable) memory.disableOOMKiller = true;
  if (Object.keys(memory).length > 0) out.memory = memory;
  const cpu: NonNullable<OciResources["cpu"]> = {};
  if (host.CpuShares) cpu.shares = host.CpuShares;
  if (host.NanoCpus) {
    cpu.period = CPU_PERIOD_US;
    cpu.quota = Math.trunc((host.NanoCpus * CPU_PERIOD_US) / 1e9);
  }
  if (host.CpuPeriod) cpu.period = host.CpuPeriod;
  if (host.CpuQuota) cpu.quota = host.CpuQuota;
  if (host.CpuRealtimePeriod) cpu.realtimePeriod = host.CpuRealtimePeriod;
  if (host.CpuRealtimeRuntime) cpu.realtimeRuntime = host.CpuRealtimeRuntime;
  if (host.CpusetCpus) cpu.cpus = host.CpusetCpus;
  if (host.CpusetMems) cpu.mems = host.CpusetMems;
  if (Object.keys(cpu).length > 0) out.cpu = cpu;
  if (host.PidsLimit !== null && host.PidsLimit !== undefined && host.PidsLimit !== 0) {
    out.pids = { limit: host.PidsLimit < 0 ? -1 : host.PidsLimit };
  }
  const blockIO = blockLimits(host);
  if (Object.keys(blockIO).length > 0) out.blockIO = blockIO;
  return out;
}

/** Checks limits before anything is made of them; returns what the client should be warned of. */
export function checkResources(host: ContainerResources, facts: HostFacts): string[] {
  const op = "check limits";
  const memory = host.Memory ?? 0;
  const swap = host.MemorySwap ?? 0;
  const reservation = host.MemoryReservation ?? 0;
  if (memory < 0 || reservation < 0) throw invalid(op, "invalid memory limit: it is negative");
  if (memory !== 0 && memory < LEAST_MEMORY_BYTES) {
    throw invalid(op, "Minimum memory limit allowed is 6MB");
  }
  if (swap > 0 && memory === 0) {
    throw invalid(
      op,
      "You should always set the Memory limit when using Memoryswap limit, see usage",
    );
  }
  if (swap > 0 && swap < memory) {
    throw invalid(op, "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memory > 0 && reservation > memory) {
    throw invalid(
      op,
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    );
  }
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw invalid(op, `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  checkCpu(host, facts, op);
  if (host.PidsLimit && host.PidsLimit > 2 ** 31 - 1) throw invalid(op, "pids limit is too large");
  const weight = host.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw invalid(op, "Range of blkio weight is from 10 to 1000");
  }
  for (const { Path, Weight } of host.BlkioWeightDevice ?? []) {
    if (Weight < 10 || Weight > 1000) {
      throw invalid(op, `invalid weight for device: ${Path}:${Weight}`);
    }
  }
  blockLimits(host);
  const warnings: string[] = [];
  if (host.KernelMemory) warnings.push("Kernel memory limits are not supported and are discarded.");
  if (host.KernelMemoryTCP) {
    warnings.push("Kernel TCP memory limits are not supported and are discarded.");
  }
  return warnings;
}

function checkCpu(host: ContainerResources, facts: HostFacts, op: string): void {
  const nano = host.NanoCpus ?? 0;
  if (nano < 0 || nano > facts.cpuCount * 1e9) {
    throw invalid(
      op,
      `range of CPUs is from 0.01 to ${facts.cpuCount}.00, as there are only ` +
        `${facts.cpuCount} CPUs available`,
    );
  }
  if (nano > 0 && (host.CpuPeriod || host.CpuQuota)) {
    const which = host.CpuPeriod ? "CPU Period" : "CPU Quota";
    throw invalid(op, `Conflicting options: Nano CPUs and ${which} cannot both be set`);
  }
  if ((host.CpuShares ?? 0) < 0) {
    throw invalid(op, `invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
  const period = host.CpuPeriod ?? 0;
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    throw invalid(
      op,
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  const quota = host.CpuQuota ?? 0;
  if (quota > 0 && quota < 1000) {
    throw invalid(op, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  for (const [key, text] of [
    ["cpus", host.CpusetCpus],
    ["mems", host.CpusetMems],
  ] as const) {
    if (text && !/^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/.test(text)) {
      throw invalid(op, `Invalid value ${text} for cpuset ${key}`);
    }
    const available = facts.cpuset[key];
    if (text && !lists(available, text)) {
      const what = key === "cpus" ? "CPUs" : "memory nodes";
      throw invalid(
        op,
        `Requested ${what} are not available - requested ${text}, available: ${available}`,
      );
    }
  }
}

/** Whether every range of `wanted` lies in a range of `available`, both lists such as "0-3,8". */
function lists(available: string, wanted: string): boolean {
  const ranges = (text: string) =>
    text.split(",").map((range) => {
      const [first = "", last = first] = range.split("-");
      return [Number(first), Number(last)] as const;
    });
  // A host that does not tell refuses nothing.
  if (available === "") return true;
  const there = ranges(available);
  return ranges(wanted).every(([first, last]) =>
    there.some(([least, most]) => least <= first && last <= most),
  );
}
