/** One way in which a registry asks for credentials: a challenge of a WWW-Authenticate header. */
export interface Challenge {
  scheme: "basic" | "bearer";
  /** By lower-case name: realm, service, scope, error. */
  parameters: Record<string, string>;
}

const MAX_HEADER = 8192;
/** A word alone begins a challenge; a word with a value is a parameter of the last one. */
const WORD = /([\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+)))?/g;

/** Reads the challenges that we can answer. Others, and malformed ones, are left out. */
export function parseChallenges(header: string | null): Challenge[] {
  const out: Challenge[] = [];
  if (!header || header.length > MAX_HEADER) return out;
  let current: Challenge | undefined;
  for (const [, word = "", quoted, bare] of header.matchAll(WORD)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    const name = word.toLowerCase();
    if (value !== undefined) {
      if (current) current.parameters[name] = value;
      continue;
    }
    current = name === "basic" || name === "bearer" ? { scheme: name, parameters: {} } : undefined;
    if (current) out.push(current);
  }
  return out;
}
