import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { lookupInRootfs } from "#tools/doctor/host/rootfs_lookup.ts";

const SHELLS = ["/bin/sh", "/bin/bash", "/bin/ash", "/busybox/sh"];

/**
 * A shell where a stopped launch has got to: in the namespaces of its waiting process, below the
 * container's root, entered or not. Returns what to say when there is none to run.
 */
export function openShell(pid: number, rootfs: string): string | undefined {
  const entered = hasOwnRoot(pid);
  const root = entered ? `/proc/${pid}/root` : rootfs;
  const shell = SHELLS.find((path) => lookupInRootfs(new HostFiles(), root, path));
  if (shell === undefined) return `no shell in ${root} (${SHELLS.join(", ")})`;
  const namespaces = ["--target", String(pid), "--mount", "--uts", "--ipc", "--net", "--pid"];
  // Before the root is entered it is only a folder of the mount namespace.
  const argv = entered
    ? [...namespaces, "--root", "--wd", shell]
    : [...namespaces, "chroot", rootfs, shell];
  const env = childEnv({ PS1: "half-built # ", HOME: "/" });
  const { error } = spawnSync("nsenter", argv, { stdio: "inherit", env });
  return error ? `nsenter: ${error.message}` : undefined;
}

function hasOwnRoot(pid: number): boolean {
  try {
    const own = statSync("/");
    const other = statSync(join("/proc", String(pid), "root/"));
    return own.ino !== other.ino || own.dev !== other.dev;
  } catch {
    return false;
  }
}
