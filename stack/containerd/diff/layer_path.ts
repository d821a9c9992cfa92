import { failure } from "#lib/errors/chain_error.ts";

/** Longest path and deepest nesting that a layer may have: Linux's PATH_MAX, and half of it. */
const MAX_PATH_BYTES = 4096;

/**
 * The parts of an entry's path below the layer's root. Absolute paths and dots are harmless (the
 * root is "/"); a path that climbs above the root is refused, as containerd refuses it.
 */
export function entryParts(name: string): string[] {
  if (name.includes("\0") || Buffer.byteLength(name) > MAX_PATH_BYTES) throw unsafe(name);
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.length === 0) throw unsafe(name);
      parts.pop();
    } else parts.push(part);
  }
  return parts;
}

function unsafe(name: string) {
  return failure({
    layer: "containerd",
    op: "diff.apply",
    code: "invalid_argument",
    message: `layer entry ${JSON.stringify(name.slice(0, 200))} is outside of the layer's root`,
    cause: "the layer was damaged or made to write outside of its image",
    fix: "do not use this image",
  });
}
