import type { Filters } from "#wire/docker-api/engine.ts";
import { invalid } from "./refusals.ts";

/** Refuses filters that the operation does not know, in dockerd's words. */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const key of Object.keys(filters)) {
    if (!known.includes(key)) throw invalid("read filters", `invalid filter '${key}'`);
  }
}

/** `label=a` and `label=a=b`: all of them must hold. */
export function matchesLabels(
  labels: Record<string, string> | null | undefined,
  wanted: readonly string[],
): boolean {
  return wanted.every((text) => {
    const at = text.indexOf("=");
    if (at < 0) return labels !== null && labels !== undefined && Object.hasOwn(labels, text);
    return labels?.[text.slice(0, at)] === text.slice(at + 1);
  });
}

/** One boolean value: "1", "true", "0", "false". Undefined when the filter is absent. */
export function flagFilter(filters: Filters, key: string): boolean | undefined {
  const values = filters[key];
  if (!values) return undefined;
  const [value = ""] = values;
  if (values.length === 1 && ["1", "true", "True"].includes(value)) return true;
  if (values.length === 1 && ["0", "false", "False"].includes(value)) return false;
  throw invalid("read filters", `invalid filter '${key}=[${values.join(" ")}]'`);
}
