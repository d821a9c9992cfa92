import { posix } from "node:path";
import { pathPattern } from "./path_pattern.ts";

const MAX_PATTERNS = 10_000;

interface Rule {
  regex: RegExp;
  /** `!pattern`: what an earlier rule left out comes in again. */
  keeps: boolean;
}

/** The rules of a .dockerignore file: which paths of a build's context are left out. */
export class IgnoreList {
  readonly #rules: Rule[] = [];

  /** Reads the file's text. Malformed patterns match nothing. */
  constructor(text: string) {
    for (const line of text
      .replace(/^\uFEFF/, "")
      .split("\n")
      .slice(0, MAX_PATTERNS)) {
      const trimmed = line.trim();
      if (trimmed === "" || line.startsWith("#")) continue;
      const keeps = trimmed.startsWith("!");
      const body = (keeps ? trimmed.slice(1) : trimmed).trim();
      const clean = posix.normalize(body).replace(/^\/+/, "").replace(/\/+$/, "");
      if (clean === "" || clean === ".") continue;
      const regex = pathPattern(clean, true);
      if (regex) this.#rules.push({ regex, keeps });
    }
  }

  /** True when some rule brings paths in again: then left-out folders must be looked into. */
  get hasExceptions(): boolean {
    return this.#rules.some(({ keeps }) => keeps);
  }

  /** Whether a path, relative to the context, is left out. The last rule that matches decides. */
  ignores(path: string): boolean {
    const parents = parentsOf(path);
    let ignored = false;
    for (const { regex, keeps } of this.#rules) {
      if (keeps !== ignored) continue;
      if (regex.test(path) || parents.some((parent) => regex.test(parent))) ignored = !keeps;
    }
    return ignored;
  }
}

function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}
