import { randomFillSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const BYTES_IN_MB = 1e6;
/** Half of each block is noise: it compresses about as well as programs do. */
const BLOCK_BYTES = 128 * 1024;

/** How large an image is, and in how many layers. */
export interface Sizing {
  mb: number;
  layers: number;
}

/** Writes a build context whose image has that size: one COPY a layer, one file in each. */
export function writeSizedContext(folder: string, { mb, layers }: Sizing): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const lines = ["FROM scratch"];
  for (let layer = 0; layer < layers; layer++) {
    writeSized(join(folder, `file${layer}`), Math.floor((mb * BYTES_IN_MB) / layers));
    lines.push(`COPY file${layer} /file${layer}`);
  }
  writeFileSync(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
}

function writeSized(path: string, bytes: number): void {
  const block = Buffer.alloc(BLOCK_BYTES);
  const fd = openSync(path, "wx");
  try {
    for (let left = bytes; left > 0; ) {
      randomFillSync(block, 0, BLOCK_BYTES / 2);
      left -= writeSync(fd, block, 0, Math.min(left, BLOCK_BYTES));
    }
  } finally {
    closeSync(fd);
  }
}
