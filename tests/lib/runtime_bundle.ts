import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxFolder } from "./busybox_image.ts";
import type { Sandbox } from "./sandbox.ts";

export interface BundleOptions {
  args: string[];
  terminal?: boolean;
  cwd?: string;
  env?: string[];
  user?: { uid: number; gid: number };
  pidsLimit?: number;
  /** Last word on the whole configuration, for what has no option here. */
  edit?: (config: RuntimeConfig) => void;
}

/** As much of config.json as tests look at; the rest is open. */
export interface RuntimeConfig {
  process: Record<string, unknown>;
  linux: Record<string, unknown> & { resources: Record<string, unknown> };
  mounts: Record<string, unknown>[];
  [key: string]: unknown;
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/**
 * Makes an OCI bundle with a busybox root file system, shaped as `runc spec` shapes it, its cgroup
 * below the sandbox's. Returns the bundle's folder.
 */
export async function makeBundle(
  sandbox: Sandbox,
  id: string,
  options: BundleOptions,
): Promise<string> {
  await busyboxFolder(sandbox, "bundles", id, "rootfs");
  const bundle = sandbox.path("bundles", id);
  const config = runtimeConfig(`/${sandbox.tag}/${id}`, options);
  options.edit?.(config);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config, null, 2));
  return bundle;
}

/** A configuration with everything that a common container has. */
export function runtimeConfig(cgroupsPath: string, options: BundleOptions): RuntimeConfig {
  const resources: Record<string, unknown> = { devices: [{ allow: false, access: "rwm" }] };
  if (options.pidsLimit !== undefined) resources["pids"] = { limit: options.pidsLimit };
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: options.terminal ?? false,
      user: options.user ?? { uid: 0, gid: 0 },
      args: options.args,
      env: options.env ?? ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: options.cwd ?? "/",
      capabilities: {
        bounding: CAPABILITIES,
        effective: CAPABILITIES,
        permitted: CAPABILITIES,
        ambient: CAPABILITIES,
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "catest",
    mounts: commonMounts(),
    linux: {
      cgroupsPath,
      resources,
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

function commonMounts(): Record<string, unknown>[] {
  const mount = (destination: string, type: string, source: string, options: string[]) => ({
    destination,
    type,
    source,
    options,
  });
  const safe = ["nosuid", "noexec", "nodev"];
  return [
    mount("/proc", "proc", "proc", safe),
    mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", "devpts", [
      ...["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    ]),
    mount("/dev/shm", "tmpfs", "shm", [...safe, "mode=1777", "size=65536k"]),
    mount("/dev/mqueue", "mqueue", "mqueue", safe),
    mount("/sys", "sysfs", "sysfs", [...safe, "ro"]),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", [...safe, "relatime", "ro"]),
  ];
}
