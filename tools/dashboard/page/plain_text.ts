import { neutralText } from "#lib/errors/neutral_text.ts";
import { durationText } from "#tools/monitor/duration_text.ts";

const MAX_NAME = 80;
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A name from a container or a daemon: one line, nothing that commands, not endless. */
export function plainName(text: string, longest = MAX_NAME): string {
  const plain = neutralText(text);
  return plain.length > longest ? `${plain.slice(0, longest - 1)}…` : plain;
}

/** Bytes in binary units. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${BYTE_UNITS[unit]}`;
}

/** A count of anything. */
export function countText(count: number): string {
  return count.toLocaleString("en");
}

/** Milliseconds as far as a person can tell them apart. */
export function millisecondsText(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(2)} ms`;
}

/** A forecast with its range: "in about 3 min (2 min to 5 min)". */
export function forecastText(
  seconds: number,
  earliest: number | null,
  latest: number | null,
): string {
  const about = `in about ${durationText(seconds)}`;
  if (earliest === null) return about;
  const from = durationText(earliest);
  const until = latest === null ? "much later" : durationText(latest);
  return from === until ? about : `${about} (${from} to ${until})`;
}

/** A moment of today as a clock shows it. */
export function clockText(timeMs: number): string {
  return new Date(timeMs).toLocaleTimeString("en-GB");
}
