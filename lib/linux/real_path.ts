import { closeFile, O, openFile, readLink } from "./file.ts";

/** The absolute path of an existing file without links, "." and "..". Throws a system error. */
export function realPath(path: string): string {
  const fd = openFile(path, O.PATH);
  try {
    return readLink(`/proc/self/fd/${fd}`);
  } finally {
    closeFile(fd);
  }
}
