const MAX_PATTERN = 4096;

/**
 * A shell pattern as a regular expression over a whole path: `*` and `?` stop at slashes, `[a-z]`
 * and `[^a-z]` are classes, a backslash quotes. `**` crosses slashes where `deep` allows it.
 * Undefined when the pattern is malformed.
 */
export function pathPattern(pattern: string, deep: boolean): RegExp | undefined {
  if (pattern.length > MAX_PATTERN) return undefined;
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === "*") {
      if (!deep || pattern[at + 1] !== "*") {
        source += "[^/]*";
        continue;
      }
      while (pattern[at + 1] === "*") at++;
      const slash = pattern[at + 1] === "/";
      if (slash) at++;
      source += slash ? "(?:.*/)?" : ".*";
    } else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) return undefined;
      const inside = pattern.slice(at + 1, end).replace(/[\\\]]/g, "\\$&");
      source += `[${inside}]`;
      at = end;
    } else if (char === "\\") {
      const next = pattern[++at];
      if (next === undefined) return undefined;
      source += quoteRegExp(next);
    } else source += quoteRegExp(char);
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    return undefined;
  }
}

const quoteRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** True when a name holds a wildcard that is not quoted. */
export const hasWildcard = (name: string) => /[*?[]/.test(name.replace(/\\./gs, ""));
