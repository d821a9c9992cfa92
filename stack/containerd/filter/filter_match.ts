import { parseFilter, type Selector } from "./filter_parse.ts";

/** Answers for a field path with its value, or undefined when the object has no such field. */
export type FieldReader = (path: readonly string[]) => string | undefined;

/** True when the object behind `read` passes. */
export type Filter = (read: FieldReader) => boolean;

/**
 * Compiles filters: an object passes when it passes any of them, everything passes when there are
 * none. Throws "invalid_argument" for one that does not parse.
 */
export function compileFilters(filters: readonly string[]): Filter {
  if (filters.length === 0) return () => true;
  const compiled = filters.map((text) => (text === "" ? [] : parseFilter(text).map(compile)));
  return (read) => compiled.some((all) => all.every((matches) => matches(read)));
}

/** The field below a map such as "labels": the path's rest, joined again, is the key. */
export function mapField(
  map: Readonly<Record<string, string>>,
  path: readonly string[],
): string | undefined {
  const key = path.slice(1).join(".");
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** A field that counts as absent while it is empty. */
export function filled(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function compile({ path, operator, value }: Selector): Filter {
  switch (operator) {
    case "present":
      return (read) => read(path) !== undefined;
    case "==":
      return (read) => read(path) === value;
    case "!=":
      // As containerd does it: an absent field is different from any value.
      return (read) => read(path) !== value;
    case "~=": {
      const pattern = regularExpression(value);
      return (read) => pattern?.test(read(path) ?? "") ?? false;
    }
  }
}

/** An expression that does not compile matches nothing, as in containerd. */
function regularExpression(source: string): RegExp | undefined {
  try {
    return new RegExp(source, "u");
  } catch {
    try {
      return new RegExp(source);
    } catch {
      return undefined;
    }
  }
}
