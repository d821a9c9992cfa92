import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Spec } from "#stack/runc/spec/spec_types.ts";

const APPLETS = ["sh", "cat", "id", "ls", "sleep", "true", "stty", "tty", "stat", "test", "rm"];
const MORE_APPLETS = [
  "touch",
  "grep",
  "mkdir",
  "echo",
  "hostname",
  "env",
  "kill",
  "readlink",
  "wc",
];

/** A root of busybox alone, with two users. */
export function makeRootfs(rootfs: string): void {
  mkdirSync(join(rootfs, "bin"), { recursive: true });
  copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  chmodSync(join(rootfs, "bin/busybox"), 0o755);
  for (const name of [...APPLETS, ...MORE_APPLETS]) {
    symlinkSync("busybox", join(rootfs, "bin", name));
  }
  mkdirSync(join(rootfs, "etc"));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/ann:\n");
}

/** What a common container is configured as. */
export function commonSpec(args: string[]): Spec {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.2.0",
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 512 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs" },
    hostname: "catest",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "ro"] },
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
      ],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/sys/firmware"],
      readonlyPaths: ["/proc/sys", "/proc/irq"],
    },
  };
}
