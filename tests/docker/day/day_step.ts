import { normalizedAnswer } from "../../lib/cli_answers.ts";
import { type CommandResult, runCommand } from "../../lib/command.ts";
import { TerminalSession } from "../../lib/terminal_session.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { DOCUMENT_RULES, TEXT_RULES } from "./day_rules.ts";
import { documentDifference } from "./document_difference.ts";

/** A docker CLI that talks to one of the daemons. */
export interface DayClient {
  env: Record<string, string>;
  /** Folder of this client's own files. */
  folder: string;
}

/** How a step is compared. */
const MARKS = ["text", "json", "sorted", "table", "until", "tty"] as const;
type Mark = (typeof MARKS)[number];

/** One line of the day: a command of docker, or a shell's line, and how its answer is compared. */
export interface DayStep {
  mark: Mark;
  /** The line as it was written: what a difference is told of. */
  line: string;
  script: string;
  /** Of `until`: what has to be shown in the end. Of `tty`: what is typed, and what must follow. */
  pattern: RegExp | undefined;
  typed: { text: string; shows: RegExp }[];
}

const STEP_LIMIT_MS = 90_000;

/**
 * Reads a line: `[MARK: ]COMMAND`, where COMMAND is docker's words, or a shell's line after `$`.
 * `until /PATTERN/: …` is asked again until its answer matches; `tty: COMMAND >> TEXT => PATTERN`
 * types TEXT on a terminal and waits for PATTERN, as often as there are such pairs.
 */
export function parseStep(line: string): DayStep {
  const text = line.trim();
  const until = text.match(/^until \/(.*?)\/: (.*)$/);
  const marked = text.match(/^([a-z]+): (.*)$/);
  const known = marked && MARKS.some((mark) => mark === marked[1]);
  const mark: Mark = until ? "until" : known ? (marked[1] as Mark) : "text";
  const rest = until?.[2] ?? (known ? marked[2]! : text);
  const [command = "", ...dialogue] = mark === "tty" ? rest.split(/ +>> /) : [rest];
  return {
    mark,
    line: text,
    script: command.startsWith("$ ") ? command.slice(2) : `docker ${command}`,
    pattern: until ? new RegExp(until[1]!) : undefined,
    typed: dialogue.map((part) => {
      const [typed = "", shows = ""] = part.split(" => ");
      return { text: keysOf(typed), shows: new RegExp(shows) };
    }),
  };
}

/** `\n` and `\x10`, as they are written in the table. */
const keysOf = (text: string) =>
  text
    .replace(/\\n/g, "\n")
    .replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Takes a step on both daemons. Returns what differs, a line each. */
export async function takeStep(
  step: DayStep,
  clients: readonly [DayClient, DayClient],
  words: (script: string, client: DayClient) => string,
): Promise<string[]> {
  const perform = (client: DayClient) => answer(step, words(step.script, client), client);
  const [theirs, ours] = await Promise.all([perform(clients[0]), perform(clients[1])]);
  const same = (there: string, here: string) => {
    const [left, right] = [settled(there, "theirs"), settled(here, "ours")];
    return left === right ? [] : [`there: ${left}\n  ours: ${right}`];
  };
  if (step.mark === "json") {
    const [left, right] = [documents(theirs), documents(ours)];
    return left && right
      ? documentDifference(left, right, DOCUMENT_RULES)
      : same(plain(theirs), plain(ours));
  }
  const [left, right] = [theirs, ours].map((result) => COMPARED[step.mark](result));
  return same(left!, right!);
}

/** Words that the rules let differ are made the same. */
function settled(text: string, whose: "theirs" | "ours"): string {
  return TEXT_RULES.reduce((words, rule) => words.replace(rule[whose], "(known to differ)"), text);
}

async function answer(step: DayStep, script: string, client: DayClient): Promise<CommandResult> {
  const argv = ["sh", "-c", script];
  if (step.mark === "tty") return converse(step, argv, client);
  const options = { env: client.env, cwd: client.folder, timeoutMs: STEP_LIMIT_MS };
  if (!step.pattern) return runCommand(argv, options);
  const { pattern } = step;
  let last: CommandResult | undefined;
  return waitUntil(`${step.line} shows it`, async () => {
    last = await runCommand(argv, options);
    return pattern.test(last.stdout + last.stderr) && last;
  }).catch(() => {
    throw new Error(`${client.env["DOCKER_HOST"]}: ${step.line}: in vain; last: ${plain(last!)}`);
  });
}

async function converse(step: DayStep, argv: string[], client: DayClient): Promise<CommandResult> {
  const session = new TerminalSession(argv, { columns: 80, rows: 24 }, client.env);
  try {
    for (const { text, shows } of step.typed) {
      if (text !== "") session.type(text);
      await session.shows(shows);
    }
    const code = await session.exited();
    return { argv, code, stdout: session.output, stderr: "", timedOut: false };
  } finally {
    session.close();
  }
}

/** The documents that a command printed: one, or one a line; undefined when there are none. */
function documents({ code, stdout }: CommandResult): unknown {
  if (code !== 0) return undefined;
  const read = (text: string) => neutralDocument(JSON.parse(text) as unknown);
  try {
    return read(stdout);
  } catch {
    const lines = stdout.split("\n").filter((line) => line.trim() !== "");
    try {
      return lines.map(read);
    } catch {
      return undefined;
    }
  }
}

/** The same document with neutral texts, in keys too. */
function neutralDocument(value: unknown): unknown {
  if (typeof value === "string") return neutralText(value, false);
  if (Array.isArray(value)) return value.map(neutralDocument);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [neutralText(key, false), neutralDocument(item)]),
  );
}

/** Makes ids, times and what is ours alone the same. */
function neutralText(text: string, lower = true): string {
  const neutral = (lower ? normalizedAnswer(text) : text)
    .replace(/\b[0-9a-f]{64}\b/g, "ID")
    .replace(/\b[0-9a-f]{63}…/g, "ID")
    .replace(/\b[0-9a-f]{12,14}\b…?/g, "SHORT")
    .replace(/\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]| [+-]\d{4} [A-Za-z]+)/g, "TIME")
    .replace(/\b(about a|less than a|about an|\d+) (second|minute|hour)s?( ago)?/gi, "AGE")
    .replace(/02:42:(([0-9a-f]{2}):){3}[0-9a-f]{2}/g, "MAC");
  return neutral.replace(/\r\n/g, "\n");
}

const plain = ({ stdout, stderr, code }: CommandResult) =>
  `${neutralText(stdout + stderr)}[${code}]`;

const COMPARED: Record<Mark, (result: CommandResult) => string> = {
  text: plain,
  json: plain,
  until: ({ code }) => `[${code}]`,
  tty: (result) => plain({ ...result, stdout: withoutControls(result.stdout) }),
  sorted: (result) => plain(result).split("\n").sort().join("\n"),
  // Columns are as wide as the longest value, figures as they are at the moment.
  table: (result) =>
    plain(result)
      .replace(/\d+(\.\d+)?(e[+-]\d+)?(%|[kmgt]?i?b)\b/gi, "N")
      .replace(/\d+(\.\d+)?%/g, "N")
      .replace(/[ \t]+/g, " "),
};

/** What a terminal is told beside text: cursor positions, colours, the window's title. */
const withoutControls = (text: string) =>
  text.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07/g, "").replace(/[\r\n]+/g, "\n");
