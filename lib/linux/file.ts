import { nativeAddon } from "./native_addon.ts";
import { O } from "./open_flag.ts";

interface FileCalls {
  readText(path: string): string;
  readDescriptor(fd: number): string;
  writeText(path: string, text: string, flags: number, mode: number): void;
  writeDescriptor(fd: number, text: string): void;
  openFile(path: string, flags: number, mode: number): number;
  closeFile(fd: number): void;
  pathCall(operation: number, path: string, other: string | null, a: number, b: number): void;
  statFile(path: string, follow: number): FileStat | undefined;
  listFolder(path: string): (string | number)[];
  readLink(path: string): string;
  killProcess(pid: number, signal: number): void;
}

export interface FileStat {
  /** File type and permission bits, as in struct stat. */
  mode: number;
  uid: number;
  gid: number;
  dev: number;
  ino: number;
  rdev: number;
  /** Bytes. */
  size: number;
  /** Time of the last change of content, milliseconds since 1970. */
  modifiedMs: number;
}

export { O };

/** File types in a mode. */
export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
const DT_DIR = 4;
const DT_UNKNOWN = 0;

/** Order of `enum path_operation` in native/file.c. */
const OP = { rmdir: 0, unlink: 1, mkdir: 2, chmod: 3, chown: 4, chdir: 5, rename: 6 } as const;

const calls = () => nativeAddon<FileCalls>();

/*
 * The file calls of short-lived commands: node:fs takes longer to load than such a command runs.
 * All throw system errors with code, syscall and path.
 */

/** The whole text of a file. */
export const readText = (path: string): string => calls().readText(path);
/** The text from a descriptor up to end of file, or what a non-blocking one holds. */
export const readDescriptor = (fd: number): string => calls().readDescriptor(fd);
/** Opens an existing file (unless `flags` says otherwise), writes `text` and closes. */
export const writeText = (path: string, text: string, flags: number = O.WRONLY, mode = 0o600) =>
  calls().writeText(path, text, flags, mode);
export const writeDescriptor = (fd: number, text: string) => calls().writeDescriptor(fd, text);
/** open(2), close-on-exec. */
export const openFile = (path: string, flags: number = O.RDONLY, mode = 0o600): number =>
  calls().openFile(path, flags, mode);
export const closeFile = (fd: number) => calls().closeFile(fd);
export const makeFolder = (path: string, mode: number) =>
  calls().pathCall(OP.mkdir, path, null, mode, 0);
export const removeFolder = (path: string) => calls().pathCall(OP.rmdir, path, null, 0, 0);
export const removeFile = (path: string) => calls().pathCall(OP.unlink, path, null, 0, 0);
export const changeMode = (path: string, mode: number) =>
  calls().pathCall(OP.chmod, path, null, mode, 0);
export const changeOwner = (path: string, uid: number, gid: number) =>
  calls().pathCall(OP.chown, path, null, uid, gid);
export const changeFolder = (path: string) => calls().pathCall(OP.chdir, path, null, 0, 0);
export const renameFile = (from: string, to: string) => calls().pathCall(OP.rename, from, to, 0, 0);
/** stat(2). Undefined when there is no such file. */
export const statFile = (path: string): FileStat | undefined => calls().statFile(path, 1);
/** lstat(2). Undefined when there is no such file. */
export const statLink = (path: string): FileStat | undefined => calls().statFile(path, 0);
export const readLink = (path: string): string => calls().readLink(path);
/** kill(2); refuses pid 0 and negative ones with ESRCH. */
export const killProcess = (pid: number, signal: number) => calls().killProcess(pid, signal);

/** Names in a folder, sorted, without . and .. */
export function listFolder(path: string): { name: string; isFolder: boolean }[] {
  const raw = calls().listFolder(path);
  const out: { name: string; isFolder: boolean }[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const type = raw[i + 1];
    const isFolder =
      type === DT_DIR ||
      (type === DT_UNKNOWN && ((statLink(`${path}/${name}`)?.mode ?? 0) & S_IFMT) === S_IFDIR);
    out.push({ name, isFolder });
  }
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** ENODEV: a cgroup's file that was open while it went; ESRCH: the same of a process's. */
const GONE = new Set(["ENOENT", "ENODEV", "ENOTDIR", "ESRCH"]);

/** The text of a file, or undefined when it does not exist (or its kernel object is gone). */
export function readTextIfAny(path: string): string | undefined {
  try {
    return readText(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== undefined && GONE.has(code)) return undefined;
    throw error;
  }
}

/** The errno name of a system error ("ENOENT"), or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** mkdir -p. Folders that exist are left as they are. */
export function makeFolders(path: string, mode: number): void {
  try {
    makeFolder(path, mode);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EEXIST") return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (code !== "ENOENT" || parent === "") throw error;
    makeFolders(parent, mode);
    makeFolder(path, mode);
  }
}

/** rm -r of a folder or file, not following links. What is already gone is no failure. */
export function removeTree(path: string): void {
  const stat = statLink(path);
  if (!stat) return;
  if ((stat.mode & S_IFMT) !== S_IFDIR) {
    ignoring("ENOENT", () => removeFile(path));
    return;
  }
  for (const { name } of listFolder(path)) removeTree(`${path}/${name}`);
  ignoring("ENOENT", () => removeFolder(path));
}

/**
 * Writes a file so that readers see the old or the new text, never a part: new name, then rename.
 */
export function writeTextAtomically(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeText(temporary, text, O.WRONLY | O.CREAT | O.TRUNC | O.NOFOLLOW, mode);
    renameFile(temporary, path);
  } catch (error) {
    ignoring("ENOENT", () => removeFile(temporary));
    throw error;
  }
}

/** Runs `work`; a system error with this errno is no failure. Returns whether it went through. */
export function ignoring(code: string, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (errnoOf(error) === code) return false;
    throw error;
  }
}
