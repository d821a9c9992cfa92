import { O, removeFile, renameFile, writeText } from "#lib/linux/file.ts";

/**
 * Writes a pid where a parent waits for it: whole or not at all. The temporary name is runc's, a
 * dot before the file's own.
 */
export function writePidFile(path: string, pid: number): void {
  const split = path.lastIndexOf("/");
  const temporary = `${path.slice(0, split + 1)}.${path.slice(split + 1)}`;
  try {
    writeText(temporary, String(pid), O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o666);
    renameFile(temporary, path);
  } catch (error) {
    try {
      removeFile(temporary);
    } catch {
      // Not made, or renamed already.
    }
    throw error;
  }
}
