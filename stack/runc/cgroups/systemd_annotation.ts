import type { UnitProperty } from "#lib/systemd/unit_property.ts";

const PREFIX = "org.systemd.property.";
const INTEGERS: Record<string, string> = {
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
};

/**
 * The unit properties that a container asks for by annotations `org.systemd.property.NAME`, whose
 * values are GVariant text: booleans, numbers with or without a type before them, quoted strings,
 * arrays of strings. As runc does, a duration may be given in seconds under a name in `Sec`.
 * Throws a TypeError that names the annotation when one has none of these forms.
 */
export function annotatedProperties(annotations: Record<string, string> = {}): UnitProperty[] {
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => {
      const name = key.slice(PREFIX.length);
      if (!/^[A-Za-z]{3,}$/.test(name)) throw wrong(key, "invalid name");
      const typed = parseValue(text.trim());
      if (!typed) throw wrong(key, `value parse error: ${JSON.stringify(text)}`);
      const { signature, value } = typed;
      if (!/Sec$/.test(name) || /USec$/.test(name)) return { name, signature, value };
      const seconds = Number(value);
      if (typeof value === "string" || !Number.isFinite(seconds) || seconds < 0) {
        throw wrong(key, `not a duration in seconds: ${JSON.stringify(text)}`);
      }
      const microseconds = BigInt(Math.round(seconds * 1_000_000));
      return { name: name.replace(/Sec$/, "USec"), signature: "t", value: microseconds };
    });
}

const wrong = (key: string, why: string) => new TypeError(`annotation ${key}: ${why}`);

function parseValue(text: string): Pick<UnitProperty, "signature" | "value"> | undefined {
  if (text === "true" || text === "false") return { signature: "b", value: text === "true" };
  const string = parseString(text);
  if (string !== undefined) return { signature: "s", value: string };
  if (text.startsWith("[")) return parseStrings(text);
  const [, type = "", number] = /^(?:([a-z]+[0-9]*)\s+)?(-?\d+)$/.exec(text) ?? [];
  if (number !== undefined) {
    const signature = type === "" ? "i" : INTEGERS[type];
    if (!signature) return undefined;
    return { signature, value: /[xt]/.test(signature) ? BigInt(number) : Number(number) };
  }
  return /^-?\d+\.\d+$/.test(text) ? { signature: "d", value: Number(text) } : undefined;
}

/** A whole quoted string; undefined for anything else. */
function parseString(text: string): string | undefined {
  const quoted = /^'((?:[^'\\]|\\.)*)'$|^"((?:[^"\\]|\\.)*)"$/.exec(text);
  return quoted ? (quoted[1] ?? quoted[2]!).replace(/\\(.)/g, "$1") : undefined;
}

function parseStrings(text: string): Pick<UnitProperty, "signature" | "value"> | undefined {
  if (!text.endsWith("]")) return undefined;
  const inner = text.slice(1, -1).trim();
  const parts = inner.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g) ?? [];
  if (inner.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "").replace(/[\s,]/g, "") !== "") {
    return undefined;
  }
  return { signature: "as", value: parts.map((part) => parseString(part)!) };
}
