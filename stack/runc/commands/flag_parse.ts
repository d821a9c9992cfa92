import type { FlagSpec } from "./command_types.ts";

/** Flags as they were given. Names are the long ones. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  add(name: string, value: string): void {
    const list = this.#values.get(name);
    if (list) list.push(value);
    else this.#values.set(name, [value]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last value given, or "". */
  text(name: string): string {
    return this.#values.get(name)?.at(-1) ?? "";
  }

  on(name: string): boolean {
    return this.text(name) === "true";
  }

  /** A whole number; 0 when it was not given. */
  number(name: string): number {
    return Number(this.text(name) || "0");
  }

  list(name: string): string[] {
    return this.#values.get(name) ?? [];
  }
}

/** A command line that does not parse; the message is Go's flag package's, as scripts know it. */
export class UsageError extends Error {}

export interface Parsed {
  flags: Flags;
  args: string[];
}

/** Boolean spellings that Go takes. */
const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** What Go's parsers take; other kinds take anything. */
const FORMS: Partial<Record<FlagSpec["kind"], RegExp>> = {
  int: /^[+-]?\d+$/,
  duration: /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/,
};

function store(flags: Flags, spec: FlagSpec, value: string): void {
  if (FORMS[spec.kind]?.test(value) === false) {
    throw new UsageError(
      `invalid value ${JSON.stringify(value)} for flag -${spec.name}: parse error`,
    );
  }
  flags.add(spec.name, value);
}

function boolean(spec: FlagSpec, value: string): string {
  if (TRUE.has(value)) return "true";
  if (FALSE.has(value)) return "false";
  throw new UsageError(
    `invalid boolean value ${JSON.stringify(value)} for -${spec.name}: parse error`,
  );
}

/**
 * Parses flags as Go programs do: `-name` is `--name`, a value follows after `=` or as the next
 * argument, `--` ends them. With `stopAtFirst`, so does the first argument that is no flag;
 * otherwise flags may come after arguments, as runc allows, where what is no flag of ours is one
 * more argument. (node:util's parseArgs knows none of this, and costs a fifth of a whole `state`
 * to load.)
 */
export function parseFlags(argv: string[], specs: FlagSpec[], stopAtFirst: boolean): Parsed {
  const known = new Map<string, FlagSpec>();
  for (const spec of specs) {
    known.set(spec.name, spec);
    if (spec.alias) known.set(spec.alias, spec);
  }
  const flags = new Flags();
  const args: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const item = argv[i]!;
    if (item === "--") {
      args.push(...argv.slice(i + 1));
      break;
    }
    if (!item.startsWith("-") || item === "-") {
      if (stopAtFirst) {
        args.push(...argv.slice(i));
        break;
      }
      args.push(item);
      continue;
    }
    const body = item.slice(item.startsWith("--") ? 2 : 1);
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const spec = known.get(name);
    // After the first argument, what is no flag of ours is one more argument: `kill ID -9`.
    if (!spec && args.length > 0) {
      args.push(item);
      continue;
    }
    if (!spec) throw new UsageError(`flag provided but not defined: -${name}`);
    if (spec.kind === "bool") {
      flags.add(spec.name, equals < 0 ? "true" : boolean(spec, body.slice(equals + 1)));
      continue;
    }
    if (equals >= 0) store(flags, spec, body.slice(equals + 1));
    else {
      const value = argv[++i];
      if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
      store(flags, spec, value);
    }
  }
  return { flags, args };
}
