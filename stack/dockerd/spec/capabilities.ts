import { invalid } from "../refusals.ts";

/** Capabilities by number, as in <linux/capability.h>. */
export const CAPABILITY_NAMES = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE",
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO",
  "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME",
  "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG",
  "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

/** What a container gets unless told otherwise: dockerd's list. */
const DEFAULT_CAPABILITIES = [
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP",
  "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

/** Names of the capabilities in a /proc/PID/status mask (hexadecimal). */
export function capabilitiesOfMask(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  return CAPABILITY_NAMES.filter((_, number) => (bits >> BigInt(number)) & 1n);
}

function normalized(names: readonly string[], all: readonly string[]): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!CAPABILITY_NAMES.includes(name)) {
      throw invalid("check capabilities", `invalid capability: ${JSON.stringify(given)}`);
    }
    if (!all.includes(name)) {
      throw invalid(
        "check capabilities",
        `invalid capability: ${JSON.stringify(given)}: the daemon itself does not have it`,
      );
    }
    return name;
  });
}

/**
 * The capabilities of a container's process. `all` is what the daemon itself may give away: a host
 * may lack some. Throws for names that are no capability.
 */
export function resolveCapabilities(
  add: readonly string[],
  drop: readonly string[],
  privileged: boolean,
  all: readonly string[],
): string[] {
  const added = normalized(add, all);
  const dropped = normalized(drop, CAPABILITY_NAMES);
  if (privileged) return [...all];
  const base = added.includes("ALL")
    ? [...all]
    : dropped.includes("ALL")
      ? []
      : DEFAULT_CAPABILITIES.filter((name) => all.includes(name));
  const out = base.filter((name) => !dropped.includes(name));
  for (const name of added) if (name !== "ALL" && !out.includes(name)) out.push(name);
  return out;
}
