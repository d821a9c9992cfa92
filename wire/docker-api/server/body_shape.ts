import { failure } from "#lib/errors/chain_error.ts";

/**
 * What a JSON body may look like. The daemon's types come from the client's word alone, so each
 * body is checked against one of these before anything reads it. `null` is accepted everywhere:
 * clients send it for what they leave unset.
 */
export type Shape =
  | "string"
  | "bool"
  | "int"
  | "any"
  /** A string is read as an array of one, as Cmd and Entrypoint are. */
  | "stringOrStrings"
  | { array: Shape }
  | { map: Shape }
  | { object: Record<string, Shape> };

export const STRINGS: Shape = { array: "string" };
export const STRING_MAP: Shape = { map: "string" };
/** `{"80/tcp": {}}` */
export const SET: Shape = { map: { object: {} } };

/** Deepest nesting of a body. */
const MAX_DEPTH = 32;

/**
 * Checks a parsed body and returns it with strings read as arrays where the API allows that.
 * Unknown fields are kept out. Throws dockerd's words with status 400.
 */
export function checkShape(value: unknown, shape: Shape, path: string, depth = 0): unknown {
  if (value === null || value === undefined) return null;
  if (depth > MAX_DEPTH) refuse(value, path, "less deeply nested value");
  switch (shape) {
    case "any":
      return value;
    case "string":
      return typeof value === "string" ? value : refuse(value, path, "string");
    case "bool":
      return typeof value === "boolean" ? value : refuse(value, path, "bool");
    case "int":
      return Number.isSafeInteger(value) ? value : refuse(value, path, "int64");
    case "stringOrStrings":
      return typeof value === "string" ? [value] : checkShape(value, STRINGS, path, depth);
  }
  if ("array" in shape) {
    if (!Array.isArray(value)) return refuse(value, path, "[]");
    return value.map((item, index) => checkItem(item, shape.array, `${path}[${index}]`, depth));
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    return refuse(value, path, "map" in shape ? "map[string]" : "struct");
  }
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if ("map" in shape) setOwn(out, key, checkItem(item, shape.map, `${path}.${key}`, depth));
    else {
      const inner = fieldShape(shape.object, key);
      if (inner) out[inner[0]] = checkShape(item, inner[1], `${path}.${key}`, depth + 1);
    }
  }
  return out;
}

/** Elements have no "unset": null becomes the zero value, as Go's decoder makes it. */
function checkItem(item: unknown, shape: Shape, path: string, depth: number): unknown {
  const checked = checkShape(item, shape, path, depth + 1);
  if (checked !== null) return checked;
  if (shape === "string") return "";
  return typeof shape === "object" && "object" in shape ? {} : null;
}

/** `__proto__` as a label must stay a label. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

/** Field names match without regard to case, as Go's decoder does. */
function fieldShape(fields: Record<string, Shape>, key: string): [string, Shape] | undefined {
  if (Object.hasOwn(fields, key)) return [key, fields[key]!];
  const lower = key.toLowerCase();
  return Object.entries(fields).find(([name]) => name.toLowerCase() === lower);
}

function refuse(value: unknown, path: string, wanted: string): never {
  const kind = Array.isArray(value) ? "array" : typeof value;
  const shown = kind === "number" ? `number ${String(value)}` : kind === "boolean" ? "bool" : kind;
  throw failure({
    layer: "dockerd",
    op: "read request",
    code: "invalid_argument",
    message:
      `invalid JSON: json: cannot unmarshal ${shown} into Go struct field ${path} of type ` +
      `${wanted}`,
  });
}
