import { createHash } from "node:crypto";

/** Chain ids of layers: each is the digest of the one below and its own diff id. */
export function chainIds(diffIds: readonly string[]): string[] {
  const out: string[] = [];
  for (const diffId of diffIds) {
    const below = out.at(-1);
    if (below === undefined) out.push(diffId);
    else out.push(`sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`);
  }
  return out;
}
