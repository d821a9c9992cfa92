import type { Shape } from "#stack/runc/spec/schema_shapes.ts";
import type { Random } from "../../lib/random.ts";

/** Words that mean something somewhere in a config.json, and those that have led astray before. */
const TEXTS = [
  ...["", "/", "..", "../..", "/../../etc", "//", "/proc", "/proc/self/fd/7", "/dev/ptmx", "a\0b"],
  ...["/a/../../b", "./x", "\n", "ü", "\ud800", "constructor", "__proto__", "toString", "hasOwn"],
  ...["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", "bind", "rbind", "tmpfs"],
  ...["proc", "sysfs", "cgroup2", "overlay", "mqueue", "devpts", "ro", "rro", "rw", "nosuid"],
  ...["size=1k", "mode=0777", "idmap", "ridmap", "tmpcopyup", "rshared", "unbindable", "shared"],
  ...["RLIMIT_NOFILE", "RLIMIT_X", "CAP_CHOWN", "CAP_X", "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"],
  ...["SCMP_ACT_NOTIFY", "SCMP_ACT_KILL", "SCMP_ARCH_X86_64", "SCMP_ARCH_X", "SCMP_CMP_EQ"],
  ...["SCMP_CMP_MASKED_EQ", "read", "write", "clone", "net.ipv4.ip_forward", "kernel.msgmax"],
  ...["kernel/msgmax", "net/../../x", "SCHED_FIFO", "SCHED_X", "IOPRIO_CLASS_BE", "0-3,5", "9-1"],
  ...["0-99999999999", "c", "b", "p", "a", "rwm", "LINUX32", "PATH=/bin", "=", "A", "HOME=", "sh"],
  ...["system.slice:x:y", ":::", "a:b", "MPOL_BIND", "eth0", "memory.high", "cpu.max", "max", "-1"],
];

const NUMBERS = [
  ...[0, 1, -1, 2, 3, 7, 8, 255, 1023, 65535, 65536, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1],
  ...[2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63), 1e30, 0.5, -0.1],
];

const STRANGERS: unknown[] = [null, true, false, 0, "x", [], {}, [null], { a: 1 }, [[]]];

const LONG = 5000;
const MAX_ITEMS = 3;

function someText(random: Random): string {
  if (random.chance(0.02)) return "x".repeat(LONG);
  const text = random.pick(TEXTS);
  return random.chance(0.1) ? text + random.pick(TEXTS) : text;
}

/** A value for a place, mostly of its shape. */
function someValue(shape: Shape, random: Random, depth = 0): unknown {
  if (random.chance(0.06)) return structuredClone(random.pick(STRANGERS));
  switch (shape.kind) {
    case "text":
      return someText(random);
    case "flag":
      return random.chance(0.5);
    case "number":
      return random.chance(0.5) ? random.below(300) : random.pick(NUMBERS);
    case "list":
      return Array.from({ length: random.below(MAX_ITEMS + 1) }, () =>
        someValue(shape.of, random, depth + 1),
      );
    case "map":
      return Object.fromEntries(
        Array.from({ length: random.below(MAX_ITEMS) }, () => [
          someText(random),
          someValue(shape.of, random, depth + 1),
        ]),
      );
    case "object":
      return someObject(shape, random, depth);
  }
}

/** The deeper, the fewer of its fields: documents stay small. */
function someObject(
  shape: Extract<Shape, { kind: "object" }>,
  random: Random,
  depth: number,
): unknown {
  const out: Record<string, unknown> = {};
  const chance = 0.6 / (depth + 1);
  for (const [key, of] of Object.entries(shape.fields)) {
    const wanted = shape.required.includes(key) ? 0.95 : chance;
    if (random.chance(wanted)) out[key] = someValue(of, random, depth + 1);
  }
  return out;
}

type Holder = Record<string | number, unknown>;

/** Goes down a document along its shape to a random place, and changes what is there. */
function mutateOnce(document: Holder, whole: Shape, random: Random): void {
  let holder = document;
  let shape = whole;
  for (;;) {
    const place = childOf(holder, shape, random);
    if (!place) return;
    const { key, of } = place;
    const value = holder[key];
    const goesOn = typeof value === "object" && value !== null && random.chance(0.75);
    if (!goesOn) {
      changeAt(holder, key, of, random);
      return;
    }
    holder = value as Holder;
    shape = of;
  }
}

function childOf(holder: Holder, shape: Shape, random: Random) {
  if (shape.kind === "object") {
    const key = random.pick(Object.keys(shape.fields));
    return { key, of: shape.fields[key]! };
  }
  if (shape.kind === "list" && Array.isArray(holder)) {
    return { key: random.below(holder.length + 1), of: shape.of };
  }
  if (shape.kind === "map") {
    const keys = [...Object.keys(holder), someText(random)];
    return { key: random.pick(keys), of: shape.of };
  }
  return undefined;
}

function changeAt(holder: Holder, key: string | number, of: Shape, random: Random): void {
  const dice = random.next();
  if (dice < 0.08) delete holder[key];
  else if (dice < 0.14 && Array.isArray(holder))
    holder.push(structuredClone(holder[random.below(holder.length)]));
  else holder[key] = someValue(of, random);
}

const MAX_MUTATIONS = 5;

/** A copy of a document with a few places changed, along its shape. The seed decides which. */
export function mutateDocument(document: object, shape: Shape, random: Random): object {
  const copy = structuredClone(document) as Holder;
  const count = 1 + random.below(MAX_MUTATIONS);
  for (let i = 0; i < count; i++) mutateOnce(copy, shape, random);
  return copy;
}
