import { refuse } from "./refusal.ts";

export type Labels = Record<string, string>;

/** Longest key and value together, in bytes. */
const MAX_LABEL_BYTES = 4096;

/** Checks labels that a client sent; `what` is the field's name for the words of a refusal. */
export function checkLabels(what: string, labels: Readonly<Labels>): void {
  for (const [key, value] of Object.entries(labels)) {
    if (Buffer.byteLength(key) + Buffer.byteLength(value) <= MAX_LABEL_BYTES) continue;
    const shown = key.slice(0, 10);
    const rule = `label key and value greater than maximum size (${MAX_LABEL_BYTES} bytes)`;
    throw refuse("invalid_argument", `${what}: ${rule}, key: ${shown}`);
  }
}

/** Labels as they lie in the database. One with an empty value is none, as in containerd. */
export function encodeLabels(labels: Readonly<Labels>): string {
  const kept = Object.entries(labels).filter(([, value]) => value !== "");
  return JSON.stringify(Object.fromEntries(kept));
}

/** Labels as they came out of the database. */
export function decodeLabels(text: string): Labels {
  return JSON.parse(text) as Labels;
}

/**
 * Applies the part of an update mask that concerns labels: "labels" replaces all, "labels.KEY" sets
 * or, with an empty value, removes one. Returns undefined when `path` names no label.
 */
export function maskLabels(
  current: Readonly<Labels>,
  given: Readonly<Labels>,
  path: string,
): Labels | undefined {
  if (path === "labels") return { ...given };
  if (!path.startsWith("labels.")) return undefined;
  const key = path.slice("labels.".length);
  const out = { ...current };
  const value = given[key] ?? "";
  if (value === "") delete out[key];
  else out[key] = value;
  return out;
}
