import { accessSync, constants, statSync } from "node:fs";

/** Whether a path names a file that this process may execute. Follows links; never throws. */
export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
