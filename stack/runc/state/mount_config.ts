import { lookUp } from "../spec/name_table.ts";
import type { Mount } from "../spec/spec_types.ts";
import type { MountConfig } from "./container_config.ts";

/** Mount options that are MS_… flags (mount(2)): set, or cleared where the second part is true. */
const FLAGS: Record<string, readonly [number, boolean]> = {
  acl: [1 << 16, false],
  async: [16, true],
  atime: [1024, true],
  bind: [4096, false],
  dev: [4, true],
  diratime: [2048, true],
  dirsync: [128, false],
  exec: [8, true],
  iversion: [1 << 23, false],
  lazytime: [1 << 25, false],
  loud: [1 << 15, true],
  mand: [64, false],
  noacl: [1 << 16, true],
  noatime: [1024, false],
  nodev: [4, false],
  nodiratime: [2048, false],
  noexec: [8, false],
  noiversion: [1 << 23, true],
  nolazytime: [1 << 25, true],
  nomand: [64, true],
  norelatime: [1 << 21, true],
  nostrictatime: [1 << 24, true],
  nosuid: [2, false],
  nosymfollow: [256, false],
  rbind: [4096 | 16384, false],
  relatime: [1 << 21, false],
  remount: [32, false],
  ro: [1, false],
  rw: [1, true],
  silent: [1 << 15, false],
  strictatime: [1 << 24, false],
  suid: [2, true],
  symfollow: [256, true],
  sync: [16, false],
};

const REC = 16384;
/** Propagation options; also what linux.rootfsPropagation takes. */
export const PROPAGATION: Record<string, number> = {
  private: 1 << 18,
  shared: 1 << 20,
  slave: 1 << 19,
  unbindable: 1 << 17,
  rprivate: (1 << 18) | REC,
  rshared: (1 << 20) | REC,
  rslave: (1 << 19) | REC,
  runbindable: (1 << 17) | REC,
};

/** MOUNT_ATTR_… flags of mount_setattr(2), by the recursive option that sets or clears them. */
const ATIME_MASK = 0x70;
const RECURSIVE: Record<string, readonly [number, boolean]> = {
  rro: [1, false],
  rrw: [1, true],
  rnosuid: [2, false],
  rsuid: [2, true],
  rnodev: [4, false],
  rdev: [4, true],
  rnoexec: [8, false],
  rexec: [8, true],
  rnodiratime: [0x80, false],
  rdiratime: [0x80, true],
  rrelatime: [0, false],
  rnorelatime: [0, true],
  rnoatime: [0x10, false],
  ratime: [0x10, true],
  rstrictatime: [0x20, false],
  rnostrictatime: [0x20, true],
  rnosymfollow: [0x200000, false],
  rsymfollow: [0x200000, true],
};

/** runc's own extension: copy what the mount hides into the tmpfs. */
const COPY_UP = 1;

/** Every mount option that is not a file system's own. */
export const MOUNT_OPTIONS: readonly string[] = [
  "defaults",
  "tmpcopyup",
  ...Object.keys(FLAGS),
  ...Object.keys(PROPAGATION),
  ...Object.keys(RECURSIVE),
].sort();

/** A mount of the specification in libcontainer's shape. Relative bind sources are the bundle's. */
export function mountConfig(mount: Mount, bundle: string): MountConfig {
  let flags = 0;
  let extensions = 0;
  let set = 0;
  let clear = 0;
  const propagation: number[] = [];
  const data: string[] = [];
  for (const option of mount.options ?? []) {
    const flag = lookUp(FLAGS, option);
    const recursive = lookUp(RECURSIVE, option);
    const change = lookUp(PROPAGATION, option);
    if (flag) flags = flag[1] ? flags & ~flag[0] : flags | flag[0];
    else if (change) propagation.push(change);
    else if (recursive) {
      if (recursive[1]) clear |= recursive[0];
      else {
        set |= recursive[0];
        if ((recursive[0] & ATIME_MASK) === recursive[0]) clear |= ATIME_MASK;
      }
    } else if (option === "tmpcopyup") extensions |= COPY_UP;
    else if (option !== "defaults") data.push(option);
  }
  const bind = (flags & 4096) !== 0;
  const source = mount.source ?? "";
  return {
    source: bind && !source.startsWith("/") ? `${bundle}/${source}` : source,
    destination: mount.destination,
    device: bind ? "bind" : (mount.type ?? ""),
    flags,
    propagation_flags: propagation.length > 0 ? propagation : null,
    data: data.join(","),
    relabel: "",
    rec_attr:
      set !== 0 || clear !== 0
        ? { Attr_set: set, Attr_clr: clear, Propagation: 0, Userns_fd: 0 }
        : null,
    extensions,
  };
}
