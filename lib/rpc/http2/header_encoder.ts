import { type Field, STATIC_TABLE } from "./hpack_tables.ts";

const NAMES = new Map<string, number>();
const FIELDS = new Map<string, number>();
for (const [index, [name, value]] of STATIC_TABLE.entries()) {
  if (!NAMES.has(name)) NAMES.set(name, index + 1);
  FIELDS.set(`${name}\n${value}`, index + 1);
}

/**
 * A header block of these fields (RFC 7541). It uses no table of its own making, so that a block
 * means the same on every connection and can be kept.
 */
export function encodeHeaders(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of fields) {
    const known = FIELDS.get(`${name}\n${value}`);
    if (known !== undefined) {
      parts.push(number(known, 7, 0x80));
      continue;
    }
    const named = NAMES.get(name);
    if (named === undefined) parts.push(number(0, 4, 0), ...text(name));
    else parts.push(number(named, 4, 0));
    parts.push(...text(value));
  }
  return Buffer.concat(parts);
}

function text(value: string): Uint8Array[] {
  const bytes = Buffer.from(value, "latin1");
  return [number(bytes.length, 7, 0), bytes];
}

/** A number whose first `bits` bits follow `flags` in a byte. */
function number(value: number, bits: number, flags: number): Uint8Array {
  const full = 2 ** bits - 1;
  if (value < full) return new Uint8Array([flags | value]);
  const out = [flags | full];
  let rest = value - full;
  while (rest >= 128) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return new Uint8Array(out);
}
