import { neutralText } from "#lib/errors/neutral_text.ts";

/** Columns aligned to their widest cell, three spaces apart, as docker prints them. */
export function textTable(heads: string[], rows: string[][]): string {
  const safe = [heads, ...rows.map((row) => row.map(neutralText))];
  const widths = heads.map((_, column) => Math.max(...safe.map((row) => row[column]!.length)));
  return safe
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("   ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** How long ago a moment was, in one unit. */
export function ageText(seconds: number): string {
  const steps: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  for (const [size, name] of steps) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

/** Bytes in docker's decimal units. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)}${units[unit]}`;
}
