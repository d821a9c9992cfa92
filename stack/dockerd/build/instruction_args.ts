import { invalid } from "../refusals.ts";
import type { Instruction } from "./dockerfile.ts";

export const syntaxFault = ({ line }: Instruction, reason: string) =>
  invalid("parse Dockerfile", `dockerfile parse error line ${line}: ${reason}`);

/** `["a", "b"]`; undefined for anything else. */
export function jsonForm(rest: string): string[] | undefined {
  if (!rest.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // Not JSON: a shell command that begins with a bracket.
  }
  return undefined;
}

/** A JSON array, or words between spaces. */
export const listForm = (rest: string) => jsonForm(rest) ?? rest.split(/\s+/).filter(Boolean);

/** Takes `--name=value` flags off the front. Those that the instruction lacks are refused. */
export function takeFlags(
  instruction: Instruction,
  known: readonly string[],
): { flags: Map<string, string>; rest: string } {
  const flags = new Map<string, string>();
  let { rest } = instruction;
  for (;;) {
    const match = /^--([a-zA-Z][\w-]*)(?:=(\S*))?(?:\s+|$)/.exec(rest);
    if (!match) return { flags, rest };
    const [whole, name = "", value] = match;
    if (!known.includes(name)) throw unknownFlag(instruction, name);
    if (flags.has(name)) throw syntaxFault(instruction, `Duplicate flag specified: ${name}`);
    if (value === undefined && !SWITCHES.includes(name)) {
      throw syntaxFault(instruction, `Missing a value on flag: ${name}`);
    }
    flags.set(name, value ?? "");
    rest = rest.slice(whole.length);
  }
}

/** Flags that are well formed, and that the classic builder cannot honour. */
export const BUILDKIT_FLAGS = [
  ...["mount", "network", "security", "device", "chmod", "link", "parents", "exclude"],
  ...["checksum", "keep-git-dir", "unpack"],
];
/** Those that need no value. */
const SWITCHES = ["link", "parents", "keep-git-dir", "unpack"];

function unknownFlag(instruction: Instruction, name: string) {
  if (BUILDKIT_FLAGS.includes(name)) {
    return invalid(
      "parse Dockerfile",
      `the --${name} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to ` +
        "learn how to build images with BuildKit enabled",
      [{ kind: "log", value: "this daemon has the classic builder alone" }],
    );
  }
  return syntaxFault(instruction, `Unknown flag: ${name}`);
}

/** Splits at spaces outside of quotes; quotes and escapes stay. */
export function rawWords(rest: string, escapeChar: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < rest.length; at++) {
    const char = rest[at]!;
    if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === escapeChar && quote !== "'" && at + 1 < rest.length) word += rest[++at];
    else if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = "";
  }
  return word === "" ? words : [...words, word];
}

const unreadable = (reason: string) =>
  invalid("parse Dockerfile", `failed to parse Dockerfile: ${reason}`);

/** NAME=value pairs of ENV and LABEL, unexpanded; the older form has one, without the sign. */
export function readPairs(instruction: Instruction, escapeChar: string): [string, string][] {
  const { rest, keyword } = instruction;
  const words = rawWords(rest, escapeChar);
  if (!words[0]?.includes("=")) {
    const match = rest.match(/^(\S+)\s+([\s\S]+)$/);
    if (!match) throw unreadable(`${keyword} must have two arguments`);
    return [[match[1]!, match[2]!]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at < 0) {
      throw unreadable(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    if (at === 0) throw syntaxFault(instruction, `${keyword} names can not be blank`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

/** Go's %q of a text. */
export const quoted = (text: string) => JSON.stringify(text);
/** Go's %q of a list. */
export const quotedList = (list: readonly string[] | null | undefined) =>
  `[${(list ?? []).map(quoted).join(" ")}]`;

const UNITS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's durations, `1m30s`, in nanoseconds; undefined when malformed. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const whole = /^(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text);
  if (!whole) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return total;
}

/** A duration as Go prints it. */
export function durationText(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = (ns % 60e9) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
