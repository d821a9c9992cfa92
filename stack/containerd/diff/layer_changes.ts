import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { getXattr, listXattrs } from "#lib/linux/layer_file.ts";

/** One difference between what is below and what is above. */
export type LayerChange =
  | { kind: "present"; parts: string[]; path: string; stat: Stats }
  | { kind: "removed"; parts: string[] }
  /** Everything that the layers below have in this folder is hidden. */
  | { kind: "opaque"; parts: string[] };

const COMPARE_BYTES = 256 * 1024;

/** The changes that an overlay's upper folder holds, in the order of paths. */
export function* changesOfUpper(upper: string, parts: string[] = []): Generator<LayerChange> {
  for (const name of readdirSync(join(upper, ...parts)).sort()) {
    const inner = [...parts, name];
    const path = join(upper, ...inner);
    const stat = lstatSync(path);
    if (stat.isCharacterDevice() && stat.rdev === 0) {
      yield { kind: "removed", parts: inner };
      continue;
    }
    yield { kind: "present", parts: inner, path, stat };
    if (!stat.isDirectory()) continue;
    if (getXattr(path, "trusted.overlay.opaque")?.toString() === "y") {
      yield { kind: "opaque", parts: inner };
    }
    yield* changesOfUpper(upper, inner);
  }
}

/** The changes from one tree to another; without `left` everything is new. */
export function* changesBetween(
  left: string | undefined,
  right: string,
  parts: string[] = [],
): Generator<LayerChange> {
  const before = new Set(left === undefined ? [] : namesIn(join(left, ...parts)));
  const after = namesIn(join(right, ...parts));
  const present = new Set(after);
  for (const name of [...new Set([...before, ...after])].sort()) {
    const inner = [...parts, name];
    if (!present.has(name)) {
      yield { kind: "removed", parts: inner };
      continue;
    }
    const path = join(right, ...inner);
    const stat = lstatSync(path);
    const old = before.has(name) ? join(left!, ...inner) : undefined;
    if (!stat.isDirectory()) {
      if (!old || !isSame(old, path, stat)) yield { kind: "present", parts: inner, path, stat };
      continue;
    }
    const oldFolder = old && lstatSync(old).isDirectory() ? left : undefined;
    const unchanged = oldFolder !== undefined && isSame(old!, path, stat);
    yield* folderChanges({ path, stat, parts: inner, unchanged }, oldFolder, right);
  }
}

/** A folder is told when it changed itself, or when something in it did. */
function* folderChanges(
  folder: { path: string; stat: Stats; parts: string[]; unchanged: boolean },
  left: string | undefined,
  right: string,
): Generator<LayerChange> {
  const { path, stat, parts } = folder;
  let told = !folder.unchanged;
  if (told) yield { kind: "present", parts, path, stat };
  for (const change of changesBetween(left, right, parts)) {
    if (!told) yield { kind: "present", parts, path, stat };
    told = true;
    yield change;
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function isSame(left: string, right: string, after: Stats): boolean {
  const before = lstatSync(left);
  const alike =
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.rdev === after.rdev;
  if (!alike || !sameXattrs(left, right)) return false;
  if (after.isDirectory()) return true;
  if (after.isSymbolicLink()) return readlinkSync(left) === readlinkSync(right);
  if (!after.isFile()) return true;
  if (before.dev === after.dev && before.ino === after.ino) return true;
  if (before.size !== after.size || before.mtimeMs !== after.mtimeMs) return false;
  // A time without a fraction cannot tell two writes within one second apart.
  return after.mtimeMs % 1000 !== 0 || sameContent(left, right);
}

function sameXattrs(left: string, right: string): boolean {
  const names = listXattrs(left).filter(isContent);
  if (names.length !== listXattrs(right).filter(isContent).length) return false;
  return names.every((name) => {
    const value = getXattr(right, name);
    return value !== undefined && getXattr(left, name)?.equals(value);
  });
}

function isContent(name: string): boolean {
  return !name.startsWith("trusted.overlay.");
}

function sameContent(left: string, right: string): boolean {
  const [a, b] = [openSync(left, "r"), openSync(right, "r")];
  try {
    const [one, other] = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)];
    for (let at = 0; ; ) {
      const length = readSync(a, one, 0, COMPARE_BYTES, at);
      if (readSync(b, other, 0, COMPARE_BYTES, at) !== length) return false;
      if (length === 0) return true;
      if (one.compare(other, 0, length, 0, length) !== 0) return false;
      at += length;
    }
  } finally {
    closeSync(a);
    closeSync(b);
  }
}
