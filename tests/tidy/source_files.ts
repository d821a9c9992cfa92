import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** The checkout that this test lies in. */
export const ROOT = join(import.meta.dir, "..", "..");

export interface SourceFile {
  /** Relative to the checkout. */
  path: string;
  text: string;
  lines: string[];
}

const TOPS = ["docs", "lib", "stack", "tests", "tools", "wire"];
const KINDS = /\.(ts|tsx|mts|mjs|c|h|proto|md)$/;

/** Every file of ours that is written by hand: code, schemas and documents. */
export function sourceFiles(): SourceFile[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  return [...top, ...TOPS.flatMap((name) => below(name))].map((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    return { path, text, lines: text.split("\n") };
  });
}

function below(folder: string): string[] {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return below(path);
    return KINDS.test(path) ? [path] : [];
  });
}

export const isTest = (path: string) => path.startsWith("tests/") || /\.test\.ts$/.test(path);
export const isScript = (path: string) => /\.(ts|tsx|mts|mjs)$/.test(path);

const SPECIFIERS = [
  /(?:^|[\s;}])(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"/g,
  /(?:^|[\s;])import\s*"([^"]+)"/g,
  /\b(?:import|require|import\.meta\.resolve)\(\s*"([^"]+)"/g,
];

/** What a script imports: paths of the checkout for files of ours, names for packages. */
export function importsOf(file: SourceFile): string[] {
  const code = file.text.replace(/\/\*[\s\S]*?\*\//g, "");
  const specifiers = SPECIFIERS.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1]!),
  );
  return specifiers.map((specifier) => {
    if (specifier.startsWith("#")) return specifier.slice(1);
    if (!specifier.startsWith(".")) return specifier;
    return posix.normalize(posix.join(dirname(file.path), specifier));
  });
}

export interface FunctionExtent {
  name: string;
  /** Counted from 1. */
  line: number;
  length: number;
}

const SCRIPT_STARTS = [
  /^(\s*)(?:export )?(?:default )?(?:async )?function\*? ?(\w*)/,
  /^(\s*)(?:(?:static|async|private|protected|public|override|get|set) )*\*?(#?\w+)(?:<.*>)?\(.*$/,
  /^(\s*)(?:export )?const (\w+) = (?:async )?(?:\(|<).*$/,
];
const NO_METHODS = new Set(["if", "for", "while", "switch", "catch", "return", "test", "describe"]);

/**
 * Where the functions of a formatted script are. The formatter puts a function's closing brace
 * alone on a line, as far in as its first line, which is all that this goes by.
 */
export function functionsOf(lines: string[]): FunctionExtent[] {
  return lines.flatMap((line, index) => {
    for (const pattern of SCRIPT_STARTS) {
      const match = line.match(pattern);
      if (!match || NO_METHODS.has(match[2]!) || !opensBlock(lines, index, match[1]!)) continue;
      const end = blockEnd(lines, index, match[1]!);
      if (end > index) return [{ name: match[2]!, line: index + 1, length: end - index + 1 }];
    }
    return [];
  });
}

/** Whether a signature that starts here ends in the brace of a body. */
function opensBlock(lines: string[], index: number, indent: string): boolean {
  if (lines[index]!.endsWith("{"))
    return !/[({]\{$/.test(lines[index]!) || isBody(lines, index, indent);
  return isBody(lines, index, indent);
}

function isBody(lines: string[], index: number, indent: string): boolean {
  const inside = `${indent}  `;
  for (const line of lines.slice(index + 1, index + 40)) {
    if (line.startsWith(inside) || line === "") continue;
    return new RegExp(`^${indent}[)}].*\\{$`).test(line);
  }
  return false;
}

function blockEnd(lines: string[], index: number, indent: string): number {
  const closing = new RegExp(`^${indent}\\}[;,)]*$`);
  return lines.findIndex((line, at) => at > index && closing.test(line));
}

/** The same for C, where a body's braces stand in the first column. */
export function functionsOfC(lines: string[]): FunctionExtent[] {
  return lines.flatMap((line, index) => {
    if (!/^[a-z].*\)\s*\{$/i.test(line) && !/^\s+.*\)\s*\{$/.test(line)) return [];
    if (/^\s/.test(line) && !/^[a-z].*\($|^[a-z].*,$/i.test(lines[index - 1] ?? "")) return [];
    const end = lines.findIndex((other, at) => at > index && other === "}");
    const name = line.match(/(\w+)\s*\(/)?.[1] ?? "";
    return end < 0 ? [] : [{ name, line: index + 1, length: end - index + 1 }];
  });
}
