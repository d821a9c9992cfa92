import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Every folder below one, at most `levels` deep, parents before children. */
export function foldersBelow(folder: string, levels: number): string[] {
  if (levels <= 0) return [];
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const path = join(folder, name);
    return [path, ...foldersBelow(path, levels - 1)];
  });
}
