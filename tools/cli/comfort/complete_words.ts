import type { Argument, Command, Option } from "commander";
import { foreignHelp, listedFlags } from "../program/foreign_help.ts";

/** What a shell may put in place of the word under the cursor. */
export interface Completions {
  candidates: { value: string; text: string }[];
  /** Names of files fit as well. */
  files: boolean;
}

/** What only the daemon knows. */
export type NameKind = "container" | "image" | "trace" | "failure";
export type NameSource = (kind: NameKind, words: string[]) => Promise<string[]>;

/** What is asked for by these placeholders of arguments and flags. */
const NAMES: Record<string, NameKind> = { container: "container", image: "image", id: "trace" };
const FILES = /file|folder|dir|path|socket|config|archive|other/i;
const NOTHING: Completions = { candidates: [], files: false };

/** Where in a command line the cursor is. */
interface Place {
  command: Command;
  /** Words of this command that are no flags, before the cursor. */
  positionals: string[];
  /** The flag whose value is being typed. */
  awaits?: Option;
  /** All that follows belongs to the container's program. */
  passed: boolean;
}

/**
 * Completes the last of `words` (which may be empty) as `program` would read them; `names` is asked
 * for what a daemon knows. Never throws for what was typed.
 */
export async function completeWords(
  program: Command,
  words: string[],
  names: NameSource,
): Promise<Completions> {
  const typed = words.at(-1) ?? "";
  const place = placeOf(program, words.slice(0, -1));
  const foreign = await foreignHelp(place.command.name());
  if (foreign !== undefined) return completeForeign(foreign, words, typed);
  if (place.passed) return { candidates: [], files: true };
  const assigned = /^(--[\w-]+)=(.*)$/.exec(typed);
  if (assigned) {
    const option = findOption(place.command, assigned[1]!);
    if (!option) return NOTHING;
    const values = await valuesOf(option.name(), option, words, names);
    const all = values.candidates.map(({ value, text }) => ({
      value: `${assigned[1]}=${value}`,
      text,
    }));
    return { ...values, candidates: startingWith(all, typed) };
  }
  if (place.awaits) {
    const values = await valuesOf(placeholder(place.awaits), place.awaits, words, names);
    return { ...values, candidates: startingWith(values.candidates, typed) };
  }
  if (typed.startsWith("-")) {
    return { candidates: startingWith(flagsOf(place.command), typed), files: false };
  }
  const completions = await positionalsAt(place, words, names);
  return { ...completions, candidates: startingWith(completions.candidates, typed) };
}

function placeOf(program: Command, before: string[]): Place {
  const place: Place = { command: program, positionals: [], passed: false };
  for (let index = 0; index < before.length; index++) {
    const word = before[index]!;
    const last = index === before.length - 1;
    if (word === "--" || place.passed) {
      place.passed = true;
      continue;
    }
    if (word.startsWith("-") && word !== "-") {
      const option = word.includes("=") ? undefined : findOption(place.command, word);
      if (!option || (!option.required && !option.optional)) continue;
      if (last) place.awaits = option;
      else index += 1;
      continue;
    }
    const child = place.command.commands.find((one) => one.name() === word);
    if (child && place.positionals.length === 0) {
      place.command = child;
      continue;
    }
    place.positionals.push(word);
    // The container's program begins here; what follows is its own.
    const { registeredArguments: args } = place.command;
    const program = args.findIndex((one) => one.variadic && one.name() !== "container");
    if (program > 0 && place.positionals.length > program) place.passed = true;
  }
  return place;
}

async function positionalsAt(
  { command, positionals }: Place,
  words: string[],
  names: NameSource,
): Promise<Completions> {
  const children = command.commands.filter((one) => !isHidden(one));
  if (children.length > 0 && positionals.length === 0) {
    const candidates = children.map((one) => ({ value: one.name(), text: one.summary() }));
    if (command.parent === null) candidates.push({ value: "help", text: "help for a command" });
    return { candidates, files: false };
  }
  if (command.parent === null) return NOTHING;
  const { registeredArguments: args } = command;
  const last = args.at(-1);
  const argument = args[positionals.length] ?? (last?.variadic ? last : undefined);
  if (!argument) return NOTHING;
  const kind = command.name() === "explain" ? "failure" : argument.name();
  return valuesOf(kind, argument, words, names);
}

async function valuesOf(
  kind: string,
  of: Option | Argument,
  words: string[],
  names: NameSource,
): Promise<Completions> {
  if (of.argChoices) {
    return { candidates: of.argChoices.map((value) => ({ value, text: "" })), files: false };
  }
  const known: NameKind | undefined =
    kind === "failure" ? "failure" : kind === "compare" ? "trace" : NAMES[kind];
  if (known) {
    const found = await names(known, words);
    return { candidates: found.map((value) => ({ value, text: "" })), files: false };
  }
  return { candidates: [], files: FILES.test(kind) || /command|program/.test(kind) };
}

/** `<dir>` of `--state <dir>`; flags that name a trace are called by their own name. */
function placeholder(option: Option): string {
  if (option.long === "--compare") return "compare";
  return /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? "";
}

function flagsOf(command: Command): Completions["candidates"] {
  const listed = command.options
    .filter((option) => !option.hidden)
    .map((option) => ({ value: option.long ?? option.short!, text: option.description }));
  return [...listed, { value: "--help", text: "display help for command" }];
}

function findOption(command: Command, word: string): Option | undefined {
  return command.options.find((option) => option.long === word || option.short === word);
}

function completeForeign(help: string, words: string[], typed: string): Completions {
  const flags = listedFlags(help);
  const before = words.at(-2) ?? "";
  const asked = flags.find((one) => one.takesValue && one.flags.includes(before));
  if (asked) return { candidates: [], files: true };
  if (!typed.startsWith("-")) return NOTHING;
  const all = flags.flatMap((one) => one.flags.map((value) => ({ value, text: one.text })));
  return { candidates: startingWith(all, typed), files: false };
}

function startingWith(all: Completions["candidates"], typed: string): Completions["candidates"] {
  return all.filter(({ value }) => value.startsWith(typed));
}

/** Commander keeps it to itself, and says it by what help shows. */
function isHidden(command: Command): boolean {
  const parent = command.parent!;
  return !parent.createHelp().visibleCommands(parent).includes(command);
}
