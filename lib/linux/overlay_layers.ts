import { dirname } from "node:path";

/** mount(2) takes one page of options, with its final NUL. */
export const MAX_MOUNT_DATA_BYTES = 4095;

/**
 * Shortens an overlay's long list of layers: names them from their common folder, which must then
 * be the working folder during the mount (`withinFolder`). Short lists stay as they are.
 */
export function compactLayers(data: string): { folder: string | undefined; options: string } {
  if (Buffer.byteLength(data) <= MAX_MOUNT_DATA_BYTES) return { folder: undefined, options: data };
  const options = data.split(",");
  const index = options.findIndex((option) => option.startsWith("lowerdir="));
  const layers = options[index]?.slice("lowerdir=".length).split(":") ?? [];
  let folder = layers[0] ?? "/";
  while (folder !== "/" && !layers.every((layer) => layer.startsWith(`${folder}/`))) {
    folder = dirname(folder);
  }
  if (folder === "/") return { folder: undefined, options: data };
  const short = layers.map((layer) => layer.slice(folder.length + 1)).join(":");
  return { folder, options: options.with(index, `lowerdir=${short}`).join(",") };
}

/** Runs synchronous work with another working folder, which no other code can observe. */
export function withinFolder(folder: string | undefined, work: () => void): void {
  if (folder === undefined) {
    work();
    return;
  }
  const before = process.cwd();
  process.chdir(folder);
  try {
    work();
  } finally {
    process.chdir(before);
  }
}
