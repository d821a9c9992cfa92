/** Arguments that need no ARG, and that are not remembered in the image. */
const BUILT_IN = new Set(
  ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"].flatMap((name) => [
    name,
    name.toUpperCase(),
  ]),
);

type Given = ReadonlyMap<string, string | undefined>;

/** Build arguments: what the client gave, and what the Dockerfile declares so far. */
export class BuildArgs {
  /** Undefined: named without a value, which leaves the Dockerfile's default. */
  readonly #given: Given;
  /** Declared before the first FROM: every stage may take them over. */
  readonly #globals = new Map<string, string | undefined>();
  /** Declared in this stage. */
  #declared = new Map<string, string | undefined>();
  readonly #used = new Set<string>();

  constructor(given: Given) {
    this.#given = given;
  }

  /** A new stage: it knows only what it declares itself. */
  beginStage(): void {
    this.#declared = new Map();
  }

  declareGlobal(name: string, value: string | undefined): void {
    this.#used.add(name);
    this.#globals.set(name, value);
  }

  declare(name: string, value: string | undefined): void {
    this.#used.add(name);
    this.#declared.set(name, value);
  }

  /** Values that FROM may use. */
  globals(): string[] {
    return entries(this.#globals, (name, own) => this.#given.get(name) ?? own);
  }

  /** `NAME=value` of what is declared, but for what the environment sets. */
  allowed(environment: readonly string[]): string[] {
    const taken = new Set(environment.map((entry) => entry.split("=", 1)[0]!));
    const names = new Map(this.#declared);
    for (const name of this.#given.keys()) {
      if (BUILT_IN.has(name) && !names.has(name)) names.set(name, undefined);
    }
    for (const name of taken) names.delete(name);
    return entries(names, (name, own) => this.#valueOf(name, own));
  }

  #valueOf(name: string, own: string | undefined): string | undefined {
    const given = this.#given.get(name);
    if (given !== undefined) return given;
    if (own !== undefined || !this.#globals.has(name)) return own;
    return this.#globals.get(name);
  }

  /** Those of `allowed` that belong to an image's history: proxies do not. */
  remembered(allowed: readonly string[]): string[] {
    return allowed.filter((entry) => {
      const name = entry.split("=", 1)[0]!;
      return this.#used.has(name) || !BUILT_IN.has(name);
    });
  }

  /** What the client gave and nothing declared. */
  unused(): string[] {
    return [...this.#given.keys()]
      .filter((name) => !this.#used.has(name) && !BUILT_IN.has(name))
      .sort();
  }
}

function entries(
  names: ReadonlyMap<string, string | undefined>,
  read: (name: string, own: string | undefined) => string | undefined,
): string[] {
  const out: string[] = [];
  for (const [name, own] of names) {
    const value = read(name, own);
    if (value !== undefined) out.push(`${name}=${value}`);
  }
  return out;
}
