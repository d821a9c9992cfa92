import type { Shape } from "#wire/docker-api/server/body_shape.ts";
import type { Random } from "../lib/random.ts";

const TEXTS = [
  "",
  " ",
  "\0",
  "a\nb",
  "..",
  "../../../../etc",
  "/",
  "/no/such",
  "host",
  "none",
  "default",
  "container:",
  "container:nobody",
  "-1",
  "0",
  "1e9",
  "80/tcp",
  "70000/udp",
  "1.2.3.4",
  "1.2.3.4/33",
  "::/0",
  "fd00::1",
  "a=b",
  "=",
  ":",
  "a:b:c:d",
  "__proto__",
  "constructor",
  "💥",
  "%00",
  "$(id)",
  "x".repeat(300),
  "y".repeat(70_000),
];
const NUMBERS = [-1, 0, 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 1e300, 0.5, 4096];
const STRANGERS = [null, true, false, [], {}, [[]], [null], { a: null }, "text", 7];
/** Fields of an object that are given at a time, at most. */
const MAX_FIELDS = 4;
const MAX_ITEMS = 3;

/** A hostile text. */
export const anyText = (random: Random) => random.pick(TEXTS);

/** A value for a field of a request's body: most times of its type, else of any. */
export function anyValue(random: Random, shape: Shape): unknown {
  if (random.below(8) === 0) return random.pick(STRANGERS);
  if (typeof shape === "string") return anyScalar(random, shape);
  const some = (most: number) => Array.from({ length: random.below(most + 1) });
  if ("array" in shape) return some(MAX_ITEMS).map(() => anyValue(random, shape.array));
  if ("map" in shape) {
    return fromPairs(some(MAX_ITEMS).map(() => [anyText(random), anyValue(random, shape.map)]));
  }
  const names = Object.keys(shape.object);
  if (names.length === 0) return {};
  const chosen = some(MAX_FIELDS).map(() => random.pick(names));
  return fromPairs(chosen.map((name) => [name, anyValue(random, shape.object[name]!)]));
}

function anyScalar(random: Random, shape: string): unknown {
  switch (shape) {
    case "bool":
      return random.below(2) === 0;
    case "int":
      return random.pick(NUMBERS);
    case "any":
      return random.pick(STRANGERS);
    default:
      return anyText(random);
  }
}

/** `__proto__` becomes a property like any other, as JSON has it. */
function fromPairs(pairs: [string, unknown][]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of pairs) {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true });
  }
  return out;
}
