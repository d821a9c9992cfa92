import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { makeFolders, removeTree } from "#lib/linux/file.ts";
import { makeNode } from "#lib/linux/mount.ts";

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
const S_IFIFO = 0o010000;

export interface FifoPaths {
  /** Empty strings stand for streams that the process does not have, as containerd takes them. */
  stdin: string;
  stdout: string;
  stderr: string;
}

/** Where the FIFOs of a process lie; the same after a restart of the daemon. */
export function fifoPaths(
  folder: string,
  wanted: { stdin: boolean; terminal: boolean },
): FifoPaths {
  return {
    stdin: wanted.stdin ? join(folder, "stdin") : "",
    stdout: join(folder, "stdout"),
    stderr: wanted.terminal ? "" : join(folder, "stderr"),
  };
}

/** Makes the FIFOs of one process in a folder of their own. */
export function makeFifos(folder: string, paths: FifoPaths): void {
  makeFolders(folder, 0o700);
  for (const path of [paths.stdin, paths.stdout, paths.stderr]) {
    if (path !== "") makeNode(path, S_IFIFO | 0o600, 0, 0);
  }
}

/** Removes a process's FIFOs and their folder. */
export function removeFifos(folder: string): void {
  removeTree(folder);
}

/**
 * Opens a FIFO for reading without waiting for a writer. The second descriptor is a writer of our
 * own: until the shim has opened its end, a reader without any writer would see the end of file.
 * Close it once the process was started.
 */
export function openForReading(path: string): { fd: number; holder: number } {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    return { fd, holder: openSync(path, O_WRONLY | O_NONBLOCK) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Opens a FIFO for writing without waiting for a reader. */
export function openForWriting(path: string): number {
  return openSync(path, O_RDWR | O_NONBLOCK);
}
