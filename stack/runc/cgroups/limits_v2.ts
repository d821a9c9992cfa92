import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import { statFile } from "#lib/linux/file.ts";
import {
  type CgroupConfig,
  cpuWeightOfShares,
  ioWeightOfBlkio,
  swapOfMemorySwap,
} from "./cgroup_config.ts";
import {
  errnoOfChain,
  readCgroupFile,
  readCgroupFileIfAny,
  readCgroupNumber,
  writeCgroupFile,
} from "./cgroup_files.ts";
import { setRdma } from "./limits_v1.ts";

/** Period that the kernel assumes when none was set (admin-guide/cgroup-v2), microseconds. */
const DEFAULT_PERIOD_US = 100_000;

const refused = (message: string) =>
  failure({ layer: "runc", op: "cgroup limits", code: "invalid_argument", message });

/** A v1 limit as v2 writes it: -1 is max. */
const limitText = (value: number) => (value === -1 ? "max" : String(value));

function setPids(folder: string, limit: number): void {
  if (limit !== 0) writeCgroupFile(folder, "pids.max", limit > 0 ? String(limit) : "max");
}

function setMemory(folder: string, config: CgroupConfig): void {
  const limit = config.memory ?? 0;
  let swap: number | undefined;
  try {
    swap = swapOfMemorySwap(config.memory_swap ?? 0, limit);
  } catch (error) {
    throw refused((error as Error).message);
  }
  if (config.memory_check_before_update && limit > 0) checkUsage(folder, limit);
  if (swap !== undefined) {
    try {
      writeCgroupFile(folder, "memory.swap.max", limitText(swap));
    } catch (error) {
      // Without swap accounting there is no swap to be unlimited.
      if (!(swap === -1 && errnoOfChain(error) === "ENOENT")) throw error;
    }
  }
  if (limit !== 0) writeCgroupFile(folder, "memory.max", limitText(limit));
  if (config.memory_reservation) {
    writeCgroupFile(folder, "memory.low", limitText(config.memory_reservation));
  }
}

/** The kernel would reclaim and then kill; the caller asked for a refusal instead. */
function checkUsage(folder: string, limit: number): void {
  const usage = readCgroupNumber(folder, "memory.current");
  if (usage !== undefined && BigInt(limit) < usage) {
    throw refused(
      "rejecting memory limit: limit is lower than current usage " +
        `(limit: ${limit}, usage: ${usage})`,
    );
  }
}

function setCpu(folder: string, config: CgroupConfig): void {
  const { cpu_idle: idle, cpu_burst: burst, cpu_quota: quota, cpu_period: period } = config;
  if (idle !== undefined && idle !== null) writeCgroupFile(folder, "cpu.idle", String(idle));
  const weight = config.cpu_weight || cpuWeightOfShares(config.cpu_shares ?? 0);
  if (weight) writeCgroupFile(folder, "cpu.weight", String(weight));
  const setBurst = () => writeCgroupFile(folder, "cpu.max.burst", String(burst));
  let burstLater = false;
  if (burst !== undefined && burst !== null) {
    try {
      setBurst();
    } catch (error) {
      if (errnoOfChain(error) !== "EINVAL" || !quota) throw error;
      burstLater = true;
    }
  }
  if (quota || period) {
    const max = quota && quota > 0 ? String(quota) : "max";
    writeCgroupFile(folder, "cpu.max", `${max} ${period || DEFAULT_PERIOD_US}`);
    if (burstLater) setBurst();
  }
}

function setCpuset(folder: string, config: CgroupConfig): void {
  if (config.cpuset_cpus) writeCgroupFile(folder, "cpuset.cpus", config.cpuset_cpus);
  if (config.cpuset_mems) writeCgroupFile(folder, "cpuset.mems", config.cpuset_mems);
}

function setIo(folder: string, config: CgroupConfig): void {
  const bfq = statFile(`${folder}/io.bfq.weight`) !== undefined;
  if (config.blkio_weight) {
    if (bfq) writeCgroupFile(folder, "io.bfq.weight", String(config.blkio_weight));
    else writeCgroupFile(folder, "io.weight", String(ioWeightOfBlkio(config.blkio_weight)));
  }
  // Weights by device came to BFQ in 5.4: before, the file holds a bare number.
  const weights = config.blkio_weight_device ?? [];
  if (weights.length > 0 && bfq && !/^\d+$/.test(readCgroupFile(folder, "io.bfq.weight"))) {
    for (const { major, minor, weight } of weights) {
      writeCgroupFile(folder, "io.bfq.weight", `${major}:${minor} ${weight}`);
    }
  }
  const throttles = {
    rbps: config.blkio_throttle_read_bps_device,
    wbps: config.blkio_throttle_write_bps_device,
    riops: config.blkio_throttle_read_iops_device,
    wiops: config.blkio_throttle_write_iops_device,
  };
  for (const [kind, devices] of Object.entries(throttles)) {
    for (const { major, minor, rate } of devices ?? []) {
      writeCgroupFile(folder, "io.max", `${major}:${minor} ${kind}=${rate || "max"}`);
    }
  }
}

function setHugetlb(folder: string, config: CgroupConfig): void {
  for (const { page_size: size, limit } of config.hugetlb_limit ?? []) {
    writeCgroupFile(folder, `hugetlb.${size}.max`, String(limit));
    // Reservations count too since 5.7; older kernels have no such file.
    try {
      writeCgroupFile(folder, `hugetlb.${size}.rsvd.max`, String(limit));
    } catch (error) {
      if (errnoOfChain(error) !== "ENOENT") throw error;
    }
  }
}

function setUnified(folder: string, unified: Record<string, string>): void {
  for (const [file, value] of Object.entries(unified)) {
    if (file.includes("/")) {
      throw refused(`unified resource ${JSON.stringify(file)} must be a file name (no slashes)`);
    }
    try {
      writeCgroupFile(folder, file, value);
    } catch (error) {
      throw explainUnified(folder, file, error);
    }
  }
}

function explainUnified(folder: string, file: string, error: unknown): unknown {
  const errno = errnoOfChain(error);
  if (errno === "EPERM" || errno === "EACCES" || errno === "ENOENT") {
    const dot = file.indexOf(".");
    if (dot < 0) {
      return refused(
        `unified resource ${JSON.stringify(file)} must be in the form CONTROLLER.PARAMETER`,
      );
    }
    const controller = file.slice(0, dot);
    const available = (readCgroupFileIfAny(folder, "cgroup.controllers") ?? "").split(" ");
    if (controller !== "cgroup" && !available.includes(controller)) {
      return refused(
        `unified resource ${JSON.stringify(file)} can't be set: ` +
          `controller ${JSON.stringify(controller)} not available`,
      );
    }
  }
  return (error as ChainError).wrap({
    layer: "runc",
    op: "cgroup limits",
    code: "invalid_argument",
    message: `unable to set unified resource ${JSON.stringify(file)}`,
  });
}

/** Writes the limits to a cgroup of the unified hierarchy; v1 numbers are converted. */
export function setLimitsV2(folder: string, config: CgroupConfig): void {
  setPids(folder, config.pids_limit ?? 0);
  setMemory(folder, config);
  setIo(folder, config);
  setCpu(folder, config);
  setCpuset(folder, config);
  setHugetlb(folder, config);
  setRdma(folder, config);
  setUnified(folder, config.unified ?? {});
}
