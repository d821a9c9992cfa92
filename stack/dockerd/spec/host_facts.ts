import { existsSync, readFileSync, statSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { CAPABILITY_NAMES, capabilitiesOfMask } from "./capabilities.ts";

/** What the spec builder must know of the host. Read once at the daemon's start. */
export interface HostFacts {
  kernel: readonly [number, number];
  kernelRelease: string;
  /** Capabilities that the daemon can give away. */
  capabilities: string[];
  /** The unified hierarchy alone is mounted. */
  pureCgroupV2: boolean;
  /** Sysctls (dotted names) that exist here, of those that are set by default. */
  defaultSysctls: Record<string, string>;
  /** Without CAP_SYS_RESOURCE a value below our own is refused by the kernel. */
  leastOomScoreAdj: number;
  /** Whether limits can be raised beyond our own hard ones. */
  raisesLimits: boolean;
  swapAccounting: boolean;
  cpuCount: number;
  /** CPUs and memory nodes that are online, as ranges ("0-3"); empty when the host tells none. */
  cpuset: { cpus: string; mems: string };
  memoryBytes: number;
}

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const DEFAULT_SYSCTLS: Record<string, string> = {
  "net.ipv4.ping_group_range": "0 2147483647",
  "net.ipv4.ip_unprivileged_port_start": "0",
};

/** Reads the facts of this host and of what the daemon may do on it. */
export function readHostFacts(): HostFacts {
  const mask = read("/proc/self/status").match(/^CapBnd:\s*([0-9a-f]+)$/m)?.[1] ?? "0";
  const capabilities = capabilitiesOfMask(mask);
  const canRaise = capabilities.includes("CAP_SYS_RESOURCE");
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  const sysctls = Object.entries(DEFAULT_SYSCTLS).filter(([name]) =>
    existsSync(`/proc/sys/${name.replaceAll(".", "/")}`),
  );
  return {
    kernel: [major, minor],
    kernelRelease: release(),
    capabilities: capabilities.length > 0 ? capabilities : [...CAPABILITY_NAMES],
    pureCgroupV2: existsSync("/sys/fs/cgroup/cgroup.controllers"),
    defaultSysctls: Object.fromEntries(sysctls),
    leastOomScoreAdj: canRaise ? -1000 : Number(read("/proc/self/oom_score_adj").trim() || 0),
    raisesLimits: canRaise,
    swapAccounting:
      existsSync("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") ||
      existsSync("/sys/fs/cgroup/cgroup.controllers"),
    cpuCount: cpus().length,
    cpuset: {
      cpus: read("/sys/devices/system/cpu/online").trim(),
      mems: read("/sys/devices/system/node/online").trim(),
    },
    memoryBytes: totalmem(),
  };
}

/** True for a folder. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
