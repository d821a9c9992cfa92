import { writeDescriptor } from "#lib/linux/file.ts";
import { libseccompVersion } from "../seccomp/seccomp_library.ts";
import { ACTIONS, ARCHITECTURES, FILTER_FLAGS, OPERATORS } from "../seccomp/seccomp_names.ts";
import { MEMORY_FLAGS, MEMORY_MODES } from "../spec/memory_policy.ts";
import { HOOK_NAMES } from "../state/container_config.ts";
import { MOUNT_OPTIONS } from "../state/mount_config.ts";
import { NAMESPACE_NAMES } from "../state/spec_config.ts";
import type { Command } from "./command_types.ts";
import { RUNTIME_VERSION, SPEC_VERSION } from "./runtime_version.ts";

/** Capabilities by number (linux/capability.h). */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE " +
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO " +
  "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
  "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG " +
  "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

/** The features structure of the runtime specification. */
function features(): object {
  const library = libseccompVersion();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: SPEC_VERSION,
    hooks: HOOK_NAMES,
    mountOptions: MOUNT_OPTIONS,
    linux: {
      namespaces: Object.keys(NAMESPACE_NAMES).sort(),
      capabilities: CAPABILITIES.split(" ").map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: library !== undefined,
        actions: Object.keys(ACTIONS).sort(),
        operators: Object.keys(OPERATORS).sort(),
        archs: Object.keys(ARCHITECTURES).sort(),
        knownFlags: Object.keys(FILTER_FLAGS).sort(),
        supportedFlags: Object.keys(FILTER_FLAGS).sort(),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
      memoryPolicy: { modes: MEMORY_MODES, flags: MEMORY_FLAGS },
    },
    annotations: {
      ...(library ? { "io.github.seccomp.libseccomp.version": library } : {}),
      "org.opencontainers.runc.checkpoint.enabled": "false",
      "org.opencontainers.runc.version": RUNTIME_VERSION,
    },
    potentiallyUnsafeConfigAnnotations: ["bundle", "org.systemd.property.", "org.criu.config"],
  };
}

export const featuresCommand: Command = {
  name: "features",
  synopsis: "",
  flags: [],
  args: [0, 0],
  run() {
    writeDescriptor(1, `${JSON.stringify(features(), null, 4)}\n`);
    return 0;
  },
};
