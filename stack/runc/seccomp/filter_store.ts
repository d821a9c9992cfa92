import {
  closeFile,
  type FileStat,
  listFolder,
  O,
  openFile,
  readDescriptor,
  removeFile,
  S_IFDIR,
  S_IFMT,
  statFile,
  statLink,
  writeTextAtomically,
} from "#lib/linux/file.ts";

/**
 * Compiled seccomp programs, in files of a runtime's `--root` that all its containers share. They
 * lie beside the containers' folders; every runtime takes a folder for a container, never a file.
 */
const PREFIX = ".catena-seccomp-";

/** A host has few profiles. One beyond these takes the place of the oldest. */
const MAX_FILES = 32;

const S_IFREG = 0o100000;
const OTHERS_WRITE = 0o022;

const fileOf = (folder: string, digest: string) => `${folder}/${PREFIX}${digest.slice(0, 32)}`;

/** Ours or root's, and nobody else may write to it. */
function isTrusted(stat: FileStat | undefined, type: number): boolean {
  if (!stat || (stat.mode & S_IFMT) !== type || (stat.mode & OTHERS_WRITE) !== 0) return false;
  return stat.uid === 0 || stat.uid === process.geteuid!();
}

/** Whether a folder is one in which nobody but root and ourselves can put or exchange a file. */
export const trustedFolder = (path: string): boolean => isTrusted(statLink(path), S_IFDIR);

/**
 * The program of a profile's digest. Undefined when there is none, or when the file is not one that
 * root or ourselves wrote for this digest: a program decides what a container may call.
 */
export function loadFilter(folder: string, digest: string): Uint8Array | undefined {
  let fd = -1;
  try {
    fd = openFile(fileOf(folder, digest), O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
    if (!isTrusted(statFile(`/proc/self/fd/${fd}`), S_IFREG)) return undefined;
    const [of, code] = readDescriptor(fd).split("\n");
    if (of !== digest || !code) return undefined;
    const bytes = Buffer.from(code, "base64");
    return bytes.length > 0 && bytes.length % 8 === 0 ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd >= 0) closeFile(fd);
  }
}

/** Keeps a program. A folder that takes no file costs the next start a compilation, no more. */
export function keepFilter(folder: string, digest: string, filter: Uint8Array): void {
  try {
    makeRoom(folder);
    const text = `${digest}\n${Buffer.from(filter).toString("base64")}\n`;
    writeTextAtomically(fileOf(folder, digest), text);
  } catch {
    // See above.
  }
}

function makeRoom(folder: string): void {
  const files = listFolder(folder)
    .filter(({ name, isFolder }) => !isFolder && name.startsWith(PREFIX))
    .map(({ name }) => ({ path: `${folder}/${name}`, at: age(`${folder}/${name}`) }))
    .sort((a, b) => a.at - b.at);
  for (const { path } of files.slice(0, Math.max(0, files.length - MAX_FILES + 1))) {
    removeFile(path);
  }
}

const age = (path: string) => statLink(path)?.modifiedMs ?? 0;
