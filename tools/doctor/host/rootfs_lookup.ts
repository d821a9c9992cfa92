import type { Stats } from "node:fs";
import type { HostFiles } from "./host_files.ts";

/** As the kernel: more than this is ELOOP. */
const MAX_LINKS = 40;

export interface RootfsEntry {
  /** The path inside the rootfs after all symbolic links. */
  path: string;
  stat: Stats;
}

/**
 * Looks a path up inside a container's rootfs as a process in it would: absolute symbolic links
 * start at the rootfs, `..` does not leave it. The kernel would not do that for us through
 * /proc/PID/root, where an absolute link leads to the host's own files.
 */
export function lookupInRootfs(
  files: HostFiles,
  rootfs: string,
  path: string,
): RootfsEntry | undefined {
  let pending = path.split("/");
  let done: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.shift()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = [...done, part];
    const target = files.link(`${rootfs}/${here.join("/")}`);
    if (target === undefined) {
      done = here;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith("/")) done = [];
    pending = [...target.split("/"), ...pending];
  }
  const found = `/${done.join("/")}`;
  const stat = files.lstat(rootfs + found);
  return stat ? { path: found, stat } : undefined;
}
