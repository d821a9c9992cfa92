import type { MountAttributes, MountOption } from "#wire/init-pipe/operation.ts";
import { MS } from "../spec/linux_constants.ts";
import { lookUp } from "../spec/name_table.ts";

/** MOUNT_ATTR_* (linux/mount.h). */
export const ATTR = {
  RDONLY: 0x1n,
  NOSUID: 0x2n,
  NODEV: 0x4n,
  NOEXEC: 0x8n,
  ATIME_MASK: 0x70n,
  NOATIME: 0x10n,
  STRICTATIME: 0x20n,
  NODIRATIME: 0x80n,
  NOSYMFOLLOW: 0x200000n,
} as const;

/** A mount's `options`, sorted by what they act on. */
export interface ParsedOptions {
  bind: boolean;
  recursive: boolean;
  copyUp: boolean;
  attributes: MountAttributes;
  /** Flags of the whole file system: sync, dirsync, lazytime, mand, and ro where it applies. */
  filesystem: Set<string>;
  /** What is left: the file system's own options. */
  data: MountOption[];
}

/** [attribute, cleared instead of set] */
const ATTRIBUTE_OPTIONS: Record<string, readonly [bigint, boolean]> = {
  ro: [ATTR.RDONLY, false],
  rw: [ATTR.RDONLY, true],
  nosuid: [ATTR.NOSUID, false],
  suid: [ATTR.NOSUID, true],
  nodev: [ATTR.NODEV, false],
  dev: [ATTR.NODEV, true],
  noexec: [ATTR.NOEXEC, false],
  exec: [ATTR.NOEXEC, true],
  nodiratime: [ATTR.NODIRATIME, false],
  diratime: [ATTR.NODIRATIME, true],
  nosymfollow: [ATTR.NOSYMFOLLOW, false],
  symfollow: [ATTR.NOSYMFOLLOW, true],
  noatime: [ATTR.NOATIME, false],
  atime: [ATTR.NOATIME, true],
  strictatime: [ATTR.STRICTATIME, false],
  nostrictatime: [ATTR.STRICTATIME, true],
  relatime: [0n, false],
  norelatime: [0n, true],
};

const FILESYSTEM_OPTIONS: Record<string, readonly [string, boolean]> = {
  sync: ["sync", false],
  async: ["sync", true],
  dirsync: ["dirsync", false],
  lazytime: ["lazytime", false],
  nolazytime: ["lazytime", true],
  mand: ["mand", false],
  nomand: ["mand", true],
};

const PROPAGATION_OPTIONS: Record<string, number> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};

/** Without a meaning for the kernel's present calls; known so that they are not taken for data. */
const IGNORED = new Set(["defaults", "silent", "loud", "acl", "noacl", "iversion", "noiversion"]);

/** Every mount option that is understood: for `features`. */
export function knownMountOptions(): string[] {
  return [
    ...Object.keys(ATTRIBUTE_OPTIONS),
    ...Object.keys(ATTRIBUTE_OPTIONS).map((name) => `r${name}`),
    ...Object.keys(FILESYSTEM_OPTIONS),
    ...Object.keys(PROPAGATION_OPTIONS),
    ...IGNORED,
    "bind",
    "rbind",
    "tmpcopyup",
    "idmap",
    "ridmap",
  ].sort();
}

/** The propagation flags of `rslave` and its like; undefined for another word. */
export function propagationFlags(name: string): number | undefined {
  return lookUp(PROPAGATION_OPTIONS, name);
}

/** Sorts a mount's options. Later options win over earlier ones, as in runc. */
export function parseMountOptions(options: readonly string[]): ParsedOptions {
  const attributes = emptyAttributes();
  const out: ParsedOptions = {
    bind: false,
    recursive: false,
    copyUp: false,
    attributes,
    filesystem: new Set(),
    data: [],
  };
  for (const option of options) {
    if (option === "" || IGNORED.has(option)) continue;
    if (option === "bind" || option === "rbind") {
      out.bind = true;
      if (option === "rbind") out.recursive = true;
    } else if (option === "tmpcopyup") out.copyUp = true;
    else if (!takeAttribute(attributes, option) && !takeFilesystem(out, option)) {
      takePropagationOrData(out, option);
    }
  }
  return out;
}

/** Attributes that change nothing. */
export function emptyAttributes(): MountAttributes {
  return { set: 0n, clear: 0n, recursiveSet: 0n, recursiveClear: 0n, propagation: [] };
}

function takeAttribute(attributes: MountAttributes, option: string): boolean {
  const plain = lookUp(ATTRIBUTE_OPTIONS, option);
  if (plain) {
    const changed = changeBits(attributes.set, attributes.clear, ...plain);
    [attributes.set, attributes.clear] = changed;
    return true;
  }
  const deep = option.startsWith("r") ? lookUp(ATTRIBUTE_OPTIONS, option.slice(1)) : undefined;
  if (!deep) return false;
  const changed = changeBits(attributes.recursiveSet, attributes.recursiveClear, ...deep);
  [attributes.recursiveSet, attributes.recursiveClear] = changed;
  return true;
}

/** The access time is one field of several bits: setting it names the whole field as cleared. */
function changeBits(set: bigint, clear: bigint, bits: bigint, cleared: boolean): [bigint, bigint] {
  const isAccessTime = bits === 0n || (bits & ATTR.ATIME_MASK) !== 0n;
  if (isAccessTime) {
    const rest = set & ~ATTR.ATIME_MASK;
    return [cleared ? rest : rest | bits, clear | ATTR.ATIME_MASK];
  }
  return cleared ? [set & ~bits, clear | bits] : [set | bits, clear & ~bits];
}

function takeFilesystem(out: ParsedOptions, option: string): boolean {
  const known = lookUp(FILESYSTEM_OPTIONS, option);
  if (!known) return false;
  if (known[1]) out.filesystem.delete(known[0]);
  else out.filesystem.add(known[0]);
  return true;
}

function takePropagationOrData(out: ParsedOptions, option: string): void {
  const propagation = lookUp(PROPAGATION_OPTIONS, option);
  if (propagation !== undefined) {
    out.attributes.propagation.push(propagation);
    return;
  }
  const at = option.indexOf("=");
  out.data.push(at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)]);
}
