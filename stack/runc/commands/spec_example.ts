import type { Mount, Spec } from "../spec/spec_types.ts";
import { SPEC_VERSION } from "./runtime_version.ts";

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

const mount = (destination: string, type: string, source: string, options?: string[]): Mount => ({
  destination,
  type,
  source,
  ...(options ? { options } : {}),
});

/**
 * The spec that `spec` writes: what runc's does, a shell in namespaces of its own. The cgroup
 * namespace is among them where v2 is all there is, as with runc: v1 tools want to see the host's
 * paths.
 */
export function exampleSpec(pureV2 = false): Spec {
  return {
    ociVersion: SPEC_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: CAPABILITIES,
        effective: CAPABILITIES,
        permitted: CAPABILITIES,
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "runc",
    mounts: [
      mount("/proc", "proc", "proc"),
      mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      mount("/dev/pts", "devpts", "devpts", [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
        "gid=5",
      ]),
      mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
      mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        ...(pureV2 ? [{ type: "cgroup" as const }] : []),
      ],
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

/**
 * The same for a caller that is not root: a user namespace in which it is, no limits, no network
 * namespace, and no mount that such a caller may not make.
 */
export function rootlessSpec(uid: number, gid: number, pureV2 = false): Spec {
  const spec = exampleSpec(pureV2);
  const linux = spec.linux!;
  linux.namespaces = [
    ...(linux.namespaces ?? []).filter(({ type }) => type !== "network"),
    { type: "user" },
  ];
  linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }];
  linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }];
  delete linux.resources;
  const mounts: Mount[] = [];
  for (const each of spec.mounts ?? []) {
    // Without a network namespace of its own it may not mount sysfs; the host's is bound instead.
    if (each.type === "sysfs") {
      mounts.push(mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"]));
      continue;
    }
    // Only its own group exists in the user namespace.
    const options = each.options?.filter((option) => !/^[ug]id=/.test(option));
    mounts.push(options ? { ...each, options } : each);
  }
  spec.mounts = mounts;
  return spec;
}
