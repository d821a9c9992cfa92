import type { ChainError } from "#lib/errors/chain_error.ts";
import { specError } from "./plan_builder.ts";

/** What a place in a JSON document may hold. Data, so that tests can make documents from it too. */
export type Shape =
  | { kind: "text"; nul?: true }
  | { kind: "flag" }
  | { kind: "number"; least: number; most: number }
  | { kind: "list"; of: Shape }
  | { kind: "map"; of: Shape }
  | { kind: "object"; fields: Record<string, Shape>; required: readonly string[] };

export const text: Shape = { kind: "text" };
export const flag: Shape = { kind: "flag" };
export const list = (of: Shape): Shape => ({ kind: "list", of });
export const map = (of: Shape): Shape => ({ kind: "map", of });
export const object = (fields: Record<string, Shape>, ...required: string[]): Shape => ({
  kind: "object",
  fields,
  required,
});
const number = (least: number, most: number): Shape => ({ kind: "number", least, most });

/** Whole numbers by their size in Go's types. Readers of JSON see 2^64-1 rounded up to 2^64. */
export const u16 = number(0, 0xffff);
export const u32 = number(0, 0xffffffff);
export const u64 = number(0, 2 ** 64);
export const i64 = number(-(2 ** 63), 2 ** 63);
export const i32 = number(-(2 ** 31), 2 ** 31 - 1);

/** A list of this length is a mistake or an attack: the largest real ones have some hundreds. */
const MAX_ITEMS = 65536;

const nameOf = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;

const below = (at: string, key: string) => (at === "" ? key : `${at}.${key}`);

function expected(at: string, what: string, value: unknown): ChainError {
  const place = at || "the whole";
  return specError(`${place}: ${what} expected, not ${nameOf(value)}`, at);
}

/**
 * Checks a document against a shape. A null in an object counts as left out, as Go's decoder has
 * it, and is taken away. Throws a ChainError (invalid_argument) that names the place at fault.
 */
export function checkShape(value: unknown, shape: Shape, at: string): void {
  if (shape.kind === "text") {
    if (typeof value !== "string") throw expected(at, "text", value);
    if (!shape.nul && value.includes("\0")) throw specError(`${at}: text has a NUL`, at);
  } else if (shape.kind === "flag") {
    if (typeof value !== "boolean") throw expected(at, "true or false", value);
  } else if (shape.kind === "number") checkNumber(value, shape.least, shape.most, at);
  else if (shape.kind === "list") checkList(value, shape.of, at);
  else checkFields(value, shape, at);
}

function checkNumber(value: unknown, least: number, most: number, at: string): void {
  if (typeof value !== "number") throw expected(at, "a number", value);
  if (!Number.isInteger(value)) throw specError(`${at}: whole number expected, not ${value}`, at);
  if (value < least || value > most) {
    throw specError(`${at}: ${value} is not from ${least} to ${most}`, at);
  }
}

function checkList(value: unknown, of: Shape, at: string): void {
  if (!Array.isArray(value)) throw expected(at, "a list", value);
  if (value.length > MAX_ITEMS) throw specError(`${at}: more than ${MAX_ITEMS} entries`, at);
  for (let i = 0; i < value.length; i++) checkShape(value[i], of, `${at}[${i}]`);
}

function checkFields(
  value: unknown,
  shape: Extract<Shape, { kind: "map" | "object" }>,
  at: string,
): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected(at, "an object", value);
  }
  const entries = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(entries)) {
    if (item === null) {
      delete entries[key];
      continue;
    }
    const own = shape.kind === "map" ? shape.of : fieldOf(shape.fields, key);
    if (shape.kind === "map" && key.includes("\0")) throw specError(`${at}: a name has a NUL`, at);
    if (own) checkShape(item, own, below(at, key));
  }
  if (shape.kind === "map") return;
  for (const key of shape.required) {
    const path = below(at, key);
    if (entries[key] === undefined) throw specError(`${path}: missing`, path);
  }
}

const fieldOf = (fields: Record<string, Shape>, key: string): Shape | undefined =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;
