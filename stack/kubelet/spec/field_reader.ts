import { nearestName } from "./nearest_name.ts";

/** One thing said of one field: `spec.containers[0].image: Required value`. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** What reading a manifest found: errors refuse the pod, warnings are told and passed over. */
export interface SpecFindings {
  errors: FieldProblem[];
  warnings: FieldProblem[];
}

/** A manifest may be hostile: no list of it is read further than this. */
const MAX_ITEMS = 1024;

type Bag = Record<string, unknown>;

/**
 * Reads one object of a manifest field by field. Each accessor checks the field's type, notes what
 * is wrong under the field's whole path, and returns undefined then. `finish` warns of the fields
 * that nothing asked for. Words are those of Kubernetes' own validation.
 */
export class FieldReader {
  readonly path: string;
  readonly #bag: Bag;
  readonly #findings: SpecFindings;
  readonly #known = new Set<string>();

  constructor(value: unknown, path: string, findings: SpecFindings) {
    this.path = path;
    this.#findings = findings;
    this.#bag = isBag(value) ? value : {};
    if (!isBag(value)) this.#note(path, `Invalid type: expected an object, got ${kindOf(value)}`);
  }

  /** The object as the manifest has it. */
  get value(): Readonly<Record<string, unknown>> {
    return this.#bag;
  }

  /** The whole path of a field; of the object itself for the empty name. */
  at(name: string): string {
    if (name === "") return this.path;
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  error(name: string, message: string): void {
    this.#note(this.at(name), message);
  }

  invalid(name: string, value: unknown, why: string): void {
    this.error(name, `Invalid value: ${JSON.stringify(value)}: ${why}`);
  }

  warn(name: string, message: string): void {
    this.#findings.warnings.push({ path: this.at(name), message });
  }

  /** Whether the field is there, whatever it is; null counts as absent, as in Kubernetes. */
  has(name: string): boolean {
    this.#known.add(name);
    return this.#bag[name] !== undefined && this.#bag[name] !== null;
  }

  raw(name: string): unknown {
    return this.has(name) ? this.#bag[name] : undefined;
  }

  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    return this.#wrongType(name, "a string", value);
  }

  /** A string that must be there and not be empty. */
  needString(name: string): string {
    const value = this.string(name);
    if (value === undefined || value === "") {
      if (value === "" || !this.has(name)) this.error(name, "Required value");
      return "";
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value ?? false;
    return this.#wrongType(name, "true or false", value) ?? false;
  }

  /** A boolean of which absence means something of its own. */
  optionalBoolean(name: string): boolean | undefined {
    return this.has(name) ? this.boolean(name) : undefined;
  }

  integer(name: string, range: { min?: number; max?: number } = {}): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) {
      return this.#wrongType(name, "a whole number", value);
    }
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = range;
    if (value >= min && value <= max) return value;
    const bounds =
      range.max === undefined
        ? `must be greater than or equal to ${min}`
        : `must be between ${min} and ${max}, inclusive`;
    this.invalid(name, value, bounds);
    return undefined;
  }

  /** One of a few words. */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.string(name);
    if (value === undefined || words.includes(value as T)) return value as T | undefined;
    const supported = words.map((word) => `"${word}"`).join(", ");
    this.error(name, `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`);
    return undefined;
  }

  strings(name: string): string[] {
    return this.#items(name).flatMap((item, index) => {
      if (typeof item === "string") return [item];
      this.#wrongType(`${name}[${index}]`, "a string", item);
      return [];
    });
  }

  integers(name: string): number[] {
    return this.#items(name).flatMap((item, index) => {
      if (typeof item === "number" && Number.isSafeInteger(item)) return [item];
      this.#wrongType(`${name}[${index}]`, "a whole number", item);
      return [];
    });
  }

  stringMap(name: string): Record<string, string> {
    const value = this.raw(name);
    if (value === undefined) return {};
    if (!isBag(value)) return this.#wrongType(name, "an object", value) ?? {};
    const out: Record<string, string> = {};
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === "string") out[key] = item;
      else this.#wrongType(`${name}[${key}]`, "a string (put it in quotes)", item);
    }
    return out;
  }

  /** The fields of an object whose values are strings or numbers: resource quantities. */
  scalars(name: string): [string, string][] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!isBag(value)) return this.#wrongType(name, "an object", value) ?? [];
    return Object.entries(value).flatMap(([key, item]): [string, string][] => {
      if (typeof item === "string" || typeof item === "number") return [[key, String(item)]];
      this.#wrongType(`${name}[${key}]`, "a quantity", item);
      return [];
    });
  }

  /** Reads an object below with `read`, and warns of its unknown fields afterwards. */
  object<T>(name: string, read: (fields: FieldReader) => T): T | undefined {
    if (!this.has(name)) return undefined;
    return this.#child(this.#bag[name], this.at(name), read);
  }

  /** The same for each object of a list. */
  objects<T>(name: string, read: (fields: FieldReader, index: number) => T): T[] {
    return this.#items(name).map((item, index) =>
      this.#child(item, `${this.at(name)}[${index}]`, (fields) => read(fields, index)),
    );
  }

  /** Fields of the API that have no meaning for a static pod: known, and not read. */
  pass(...names: string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** Warns by name of every field that nothing asked for. */
  finish(): void {
    for (const name of Object.keys(this.#bag)) {
      if (this.#known.has(name)) continue;
      const near = nearestName(name, this.#known);
      this.warn(name, `unknown field, ignored${near ? ` (did you mean ${near}?)` : ""}`);
    }
  }

  #child<T>(value: unknown, path: string, read: (fields: FieldReader) => T): T {
    const fields = new FieldReader(value, path, this.#findings);
    const result = read(fields);
    fields.finish();
    return result;
  }

  #items(name: string): unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) return this.#wrongType(name, "a list", value) ?? [];
    if (value.length > MAX_ITEMS)
      this.error(name, `Too many: must have at most ${MAX_ITEMS} items`);
    return value.slice(0, MAX_ITEMS);
  }

  #wrongType(name: string, expected: string, value: unknown): undefined {
    this.error(name, `Invalid type: expected ${expected}, got ${kindOf(value)}`);
    return undefined;
  }

  #note(path: string, message: string): void {
    this.#findings.errors.push({ path, message });
  }
}

function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return `${typeof value} ${JSON.stringify(value)}`;
}
