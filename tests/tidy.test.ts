import { expect, test } from "bun:test";
import { basename } from "node:path";
import { BOX_WIRES, EXCEPTIONS, isPublicHost, type Rule } from "./tidy/house_rules.ts";
import {
  functionsOf,
  functionsOfC,
  importsOf,
  isScript,
  isTest,
  type SourceFile,
  sourceFiles,
} from "./tidy/source_files.ts";

// CONTRIBUTING.md, held by a test. Every rule looks at all files and lists what breaks it.

const FILES = sourceFiles();
const CODE = FILES.filter(({ path }) => /\.(ts|tsx|mts|mjs|c|h)$/.test(path));
const SCRIPTS = FILES.filter(({ path }) => isScript(path));
const PRODUCT = SCRIPTS.filter(({ path }) => !isTest(path));

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 70;
const MAX_COLUMNS = 100;

/** Declares a rule: `broken` returns what is wrong with one file, a line each. */
function rule(name: Rule, files: SourceFile[], broken: (file: SourceFile) => string[]): void {
  test(name, () => {
    const allowed = EXCEPTIONS[name] ?? {};
    const found = files.filter(({ path }) => !(path in allowed)).flatMap(broken);
    expect(found).toEqual([]);
    const unused = Object.keys(allowed).filter((path) => {
      const file = files.find((candidate) => candidate.path === path);
      return !file || broken(file).length === 0;
    });
    expect(unused.map((path) => `${path} needs no exception any more`)).toEqual([]);
  });
}

rule("a box imports itself, lib and its two wires", SCRIPTS, (file) => {
  if (isTest(file.path)) return [];
  return importsOf(file)
    .filter((target) => !mayImport(file.path, target))
    .map((target) => `${file.path} imports ${target}`);
});

/** Generated code belongs to the folder of its schema; a name without a slash is a package. */
function mayImport(path: string, imported: string): boolean {
  const target = imported.replace(/^gen\//, "");
  const [top, name] = target.split("/");
  if (!["lib", "wire", "stack", "tools", "tests"].includes(top!)) return true;
  const [ownTop, ownName] = path.split("/");
  if (top === "lib") return true;
  if (top === ownTop && name === ownName) return true;
  if (ownTop === "stack" && top === "wire") return BOX_WIRES[ownName!]?.includes(name!) ?? false;
  if (ownTop === "tools" && top === "stack") return ownName === "cli";
  return ownTop === "tools" && (top === "wire" || top === "tools");
}

rule("a file has at most 300 lines", CODE, ({ path, lines }) =>
  lines.length - 1 > MAX_FILE_LINES ? [`${path}: ${lines.length - 1} lines`] : [],
);

rule("a function has at most 70 lines", CODE, ({ path, lines }) =>
  (isScript(path) ? functionsOf(lines) : functionsOfC(lines))
    .filter(({ length }) => length > MAX_FUNCTION_LINES)
    .map(({ name, line, length }) => `${path}:${line} ${name}: ${length} lines`),
);

rule("a line has at most 100 columns", CODE, ({ path, lines }) =>
  lines
    .map((line, index) => ({ columns: [...line].length, at: `${path}:${index + 1}`, line }))
    .filter(({ columns, line }) => columns > MAX_COLUMNS && !/^\s*"[^"]*",?$/.test(line))
    .map(({ columns, at }) => `${at}: ${columns} columns`),
);

rule("a file name says what it is about", FILES, ({ path }) =>
  /(^|[_.-])(managers?|helpers?|utils?)([_.-]|$)/i.test(basename(path)) ? [path] : [],
);

rule("nothing is put off in a comment", CODE, ({ path, lines }) =>
  lines.flatMap((line, index) => {
    // Written apart, so that this line does not find itself.
    const word = line.match(new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|XX${"X"}|HA${"CK"})\\b`));
    return word ? [`${path}:${index + 1}: ${word[0]}`] : [];
  }),
);

rule("no module waits while it loads", SCRIPTS, ({ path, lines }) =>
  lines.flatMap((line, index) =>
    /^(?:(?:export )?(?:const|let|var) .*=\s*await\b|await\b|for await\b)/.test(line)
      ? [`${path}:${index + 1}: ${line}`]
      : [],
  ),
);

rule("no host of ours and no folder of a developer", FILES, ({ path, lines }) =>
  lines.flatMap((line, index) => {
    const hosts = [...line.matchAll(/\bhttps?:\/\/([a-z0-9.-]+)/gi)].map((match) => match[1]!);
    const strange = hosts.filter((host) => !isPublicHost(host));
    const folder = line.match(/(^|[\s"'`(=])\/(home|Users|work)\/[a-z]/);
    return [...strange, ...(folder ? [folder[0]] : [])].map(
      (found) => `${path}:${index + 1}: ${found}`,
    );
  }),
);

rule("an exported function says what it does", PRODUCT, ({ path, lines }) =>
  lines.flatMap((line, index) => {
    if (path.endsWith(".d.mts")) return [];
    const match = line.match(/^export (?:async )?(?:function\*?|class) (\w+)/);
    if (!match || /(\*\/|^\s*\/\/.*)$/.test(lines[index - 1] ?? "")) return [];
    // An overload's signature is described by the one before it.
    if (lines[index - 1]?.startsWith("export function")) return [];
    return [`${path}:${index + 1} ${match[1]}`];
  }),
);

const IMPORTED = new Set(
  SCRIPTS.flatMap((file) => {
    const targets = importsOf(file);
    // A test beside its source is no reason for the source to be there.
    return file.path.endsWith(".test.ts") && !file.path.startsWith("tests/") ? [] : targets;
  }),
);

rule("every file is used", SCRIPTS, ({ path, text }) => {
  if (path.endsWith(".test.ts") || path.endsWith(".d.mts") || IMPORTED.has(path)) return [];
  const started = text.startsWith("// `npm ") || isEntry(path);
  return started ? [] : [`${path} is imported by nothing`];
});

/** Programs that are started by name. */
function isEntry(path: string): boolean {
  return FILES.some(
    ({ path: other, text }) => other.endsWith(".mjs") && text.includes(`"${path}"`),
  );
}
