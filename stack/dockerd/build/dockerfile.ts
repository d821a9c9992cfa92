import { DockerfileParser } from "dockerfile-ast";
import { invalid } from "../refusals.ts";

/** Longest Dockerfile, and most instructions in one. */
const MAX_BYTES = 256 * 1024;
const MAX_INSTRUCTIONS = 5000;

const KNOWN = new Set([
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);

/** One instruction, with its continuation lines joined. */
export interface Instruction {
  /** In capitals. */
  keyword: string;
  /** All behind the keyword, flags included. */
  rest: string;
  /** As it was written, in one line: what the build prints. */
  source: string;
  /** Of its first line, from 1. */
  line: number;
}

export interface Stage {
  from: Instruction;
  /** As AS gives it, in small letters; "" without. */
  name: string;
  image: string;
  platform: string;
  steps: Instruction[];
}

export interface Dockerfile {
  /** ARG instructions before the first FROM. */
  globals: Instruction[];
  stages: Stage[];
  /** Instructions with an empty line among their continuation lines, as they were written. */
  gaps: string[];
  /** `\`, or what the escape directive says. */
  escapeChar: string;
}

interface LineRange {
  /** Lines count from 0. */
  start: { line: number };
  end: { line: number };
}

const fault = (line: number, reason: string) =>
  invalid("parse Dockerfile", `dockerfile parse error line ${line}: ${reason}`);

const unreadable = (reason: string) =>
  invalid("parse Dockerfile", `failed to parse Dockerfile: ${reason}`);

const DIRECTIVE = /^\s*#\s*(syntax|escape|check)\s*=\s*(.*?)\s*$/i;

/** How many lines at the beginning are parser directives: the first other line ends them. */
function directiveCount(lines: readonly string[]): number {
  const end = lines.findIndex((line) => !DIRECTIVE.test(line));
  return end < 0 ? lines.length : end;
}

/** What looks like a directive behind the first other line is a comment. */
function withoutLateDirectives(text: string): string {
  const lines = text.split("\n");
  const count = directiveCount(lines);
  const isComment = (line: string) => line.trim() === "" || line.trimStart().startsWith("#");
  for (let at = count; at < lines.length && isComment(lines[at]!); at++) {
    if (DIRECTIVE.test(lines[at]!)) lines[at] = "#";
  }
  return lines.join("\n");
}

function checkDirectives(text: string): void {
  const lines = text.split("\n");
  const seen = new Set<string>();
  for (const line of lines.slice(0, directiveCount(lines))) {
    const [, name = "", value = ""] = DIRECTIVE.exec(line) ?? [];
    const key = name.toLowerCase();
    if (seen.has(key)) throw unreadable(`only one ${key} parser directive can be used`);
    seen.add(key);
    if (key === "escape" && value !== "\\" && value !== "`") {
      throw unreadable(`invalid escape token '${value}' does not match \` or \\`);
    }
  }
}

/** Parses a Dockerfile. Throws with the line and the reason, in dockerd's words. */
export function parseDockerfile(text: string): Dockerfile {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw invalid("parse Dockerfile", `the Dockerfile is longer than ${MAX_BYTES} bytes`);
  }
  const given = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const clean = withoutLateDirectives(given);
  checkDirectives(clean);
  const parsed = DockerfileParser.parse(clean);
  const escapeChar = parsed.getEscapeCharacter();
  const lines = clean.split("\n");
  const found = parsed.getInstructions();
  if (found.length > MAX_INSTRUCTIONS) {
    throw invalid("parse Dockerfile", `more than ${MAX_INSTRUCTIONS} instructions`);
  }
  if (found.length === 0) throw unreadable("file with no instructions");
  const instructions = found.map((item) => readInstruction(lines, item.getRange(), escapeChar));
  const gaps = found.flatMap((item, at) => {
    const { start, end } = item.getRange();
    const inside = lines.slice(start.line + 1, end.line);
    return inside.some((line) => line.trim() === "") ? [instructions[at]!.source] : [];
  });
  return { ...arrange(instructions), gaps, escapeChar };
}

/** Parses one instruction that stands alone: an image's ONBUILD trigger. */
export function parseTrigger(text: string): Instruction {
  const { keyword, rest } = splitKeyword(text.trim());
  if (!KNOWN.has(keyword)) throw fault(1, `unknown instruction: ${keyword}`);
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(keyword)) {
    throw invalid("parse Dockerfile", `${keyword} isn't allowed as an ONBUILD trigger`);
  }
  return { keyword, rest, source: text.trim(), line: 1 };
}

function readInstruction(lines: string[], range: LineRange, escapeChar: string): Instruction {
  const line = range.start.line + 1;
  const source = joinLines(lines.slice(range.start.line, range.end.line + 1), escapeChar);
  const { keyword, rest } = splitKeyword(source);
  if (!KNOWN.has(keyword)) throw fault(line, `unknown instruction: ${keyword}`);
  if (["RUN", "COPY", "ADD"].includes(keyword) && hasHeredoc(lines, range.start.line)) {
    throw fault(line, "here-documents require BuildKit, which this daemon has not");
  }
  return { keyword, rest, source, line };
}

/** Without the line that ends it, `<<` is the shell's own affair. */
function hasHeredoc(lines: readonly string[], at: number): boolean {
  const [, word] = /(?:^|\s)<<-?['"]?([A-Za-z_]\w*)/.exec(lines[at]!) ?? [];
  return word !== undefined && lines.slice(at + 1).some((line) => line.trim() === word);
}

/** Joins continuation lines; comments and empty lines between them are left out. */
function joinLines(lines: string[], escapeChar: string): string {
  let out = "";
  for (const [at, line] of lines.entries()) {
    if (at > 0 && (/^\s*#/.test(line) || line.trim() === "")) continue;
    const text = at === 0 ? line.trimStart() : line;
    const bare = text.replace(/[ \t]+$/, "");
    out += bare.endsWith(escapeChar) ? bare.slice(0, -1) : text;
  }
  return out.trim();
}

function splitKeyword(source: string): { keyword: string; rest: string } {
  const match = source.match(/^(\S+)(?:\s+([\s\S]*))?$/);
  return { keyword: (match?.[1] ?? "").toUpperCase(), rest: (match?.[2] ?? "").trim() };
}

function arrange(instructions: Instruction[]): Pick<Dockerfile, "globals" | "stages"> {
  const globals: Instruction[] = [];
  const stages: Stage[] = [];
  for (const item of instructions) {
    const { keyword } = item;
    if (keyword === "FROM") stages.push(readFrom(item));
    else if (stages.length > 0) stages.at(-1)!.steps.push(item);
    else if (keyword === "ARG") globals.push(item);
    else throw invalid("parse Dockerfile", "no build stage in current context");
  }
  if (stages.length === 0) throw invalid("parse Dockerfile", "no build stage in current context");
  return { globals, stages };
}

function readFrom(from: Instruction): Stage {
  const words = from.rest.split(/\s+/);
  let platform = "";
  while (words[0]?.startsWith("--")) {
    const flag = words.shift()!;
    const value = /^--platform=(.+)$/.exec(flag)?.[1];
    if (value === undefined) throw fault(from.line, `unknown flag: ${flag.replace(/=.*/, "")}`);
    platform = value;
  }
  const [image = "", as, name = ""] = words;
  if (image === "" || (words.length !== 1 && words.length !== 3)) {
    throw fault(from.line, "FROM requires either one or three arguments");
  }
  if (words.length === 3 && as?.toLowerCase() !== "as") {
    throw fault(from.line, "FROM requires either one or three arguments");
  }
  if (name !== "" && !/^[a-z][a-z0-9-_.]*$/i.test(name)) {
    throw fault(
      from.line,
      `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or ` +
        "contain symbols",
    );
  }
  return { from, name: name.toLowerCase(), image, platform, steps: [] };
}
