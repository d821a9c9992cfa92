import { failure } from "#lib/errors/chain_error.ts";
import type { Filters } from "../engine.ts";

/** Most keys and values that one `filters` parameter may hold. */
const MAX_FILTER_VALUES = 1000;

function invalid(message: string): never {
  throw failure({ layer: "dockerd", op: "read request", code: "invalid_argument", message });
}

/** A request's query, read as dockerd reads it. */
export class Query {
  readonly #params: URLSearchParams;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  text(name: string): string {
    return this.#params.get(name) ?? "";
  }

  all(name: string): string[] {
    return this.#params.getAll(name);
  }

  has(name: string): boolean {
    return this.#params.has(name);
  }

  /** True unless empty, 0, no, false or none; `otherwise` when the parameter is absent. */
  flag(name: string, otherwise = false): boolean {
    const value = this.#params.get(name);
    if (value === null) return otherwise;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** A decimal number; undefined when absent or empty. */
  int(name: string): number | undefined {
    const value = this.text(name);
    if (value === "") return undefined;
    if (!/^[+-]?[0-9]+$/.test(value)) {
      invalid(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      invalid(`strconv.Atoi: parsing ${JSON.stringify(value)}: value out of range`);
    }
    return number;
  }

  /** An unsigned 32-bit number that must be present: a terminal's rows or columns. */
  size(name: string, what: string): number {
    const value = this.text(name);
    const reason = /^[0-9]+$/.test(value)
      ? Number(value) > 0xffffffff && "value out of range"
      : "invalid syntax";
    if (reason) invalid(`invalid ${what} ${JSON.stringify(value)}: ${reason}`);
    return Number(value);
  }

  filters(): Filters {
    return parseFilters(this.text("filters"));
  }

  /** A time as the API takes it: seconds[.nanoseconds] since 1970. Undefined when absent. */
  timeNs(name: string): bigint | undefined {
    const value = this.text(name);
    if (value === "") return undefined;
    const match = value.match(/^(-?[0-9]{1,12})(?:\.([0-9]{1,9}))?$/);
    if (!match) invalid(`invalid value for ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    return BigInt(match[1]!) * 1_000_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
  }
}

/** Reads `filters` in both forms: {"label":["a"]} and the older {"label":{"a":true}}. */
export function parseFilters(text: string): Filters {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    invalid("invalid filter");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    invalid("invalid filter");
  const filters: Filters = {};
  let count = 0;
  for (const [key, given] of Object.entries(value as Record<string, unknown>)) {
    const values = filterValues(given);
    count += values.length;
    if (count > MAX_FILTER_VALUES) invalid("invalid filter");
    if (values.length > 0) filters[key] = values;
  }
  return filters;
}

function filterValues(given: unknown): string[] {
  if (Array.isArray(given)) {
    if (given.some((item) => typeof item !== "string")) invalid("invalid filter");
    return given as string[];
  }
  if (typeof given !== "object" || given === null) invalid("invalid filter");
  const entries = Object.entries(given as Record<string, unknown>);
  if (entries.some(([, on]) => typeof on !== "boolean")) invalid("invalid filter");
  return entries.filter(([, on]) => on).map(([key]) => key);
}
