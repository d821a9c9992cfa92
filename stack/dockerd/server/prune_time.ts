import type { Filters } from "#wire/docker-api/engine.ts";
import { invalid } from "../refusals.ts";

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * `until=` of prune: a time, seconds since 1970, or a duration back from now ("24h", "1h30m").
 * Returns milliseconds since 1970; undefined when it is not given.
 */
export function pruneUntil(filters: Filters, nowMs = Date.now()): number | undefined {
  const values = filters["until"];
  if (!values) return undefined;
  const [text = ""] = values;
  if (values.length > 1) throw invalid("read filters", "more than one until filter specified");
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text) * 1000;
  if (/^([0-9.]+(h|ms|m|s))+$/.test(text)) {
    let back = 0;
    for (const [, amount, unit] of text.matchAll(/([0-9.]+)(h|ms|m|s)/g)) {
      back += Number(amount) * UNIT_MS[unit!]!;
    }
    return nowMs - back;
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw invalid("read filters", `invalid until filter: ${text}`);
  return time;
}
