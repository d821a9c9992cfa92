import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildProgram } from "#tools/cli/program/build_program.ts";
import { foreignHelp, listedFlags } from "#tools/cli/program/foreign_help.ts";
import { ROOT } from "./source_files.ts";

const DOCUMENTS = ["README.md", "docs/seeing.md", "docs/the-chain.md", "docs/exec.md"];
/** The daemons' help lies in their own modules, which are large. */
const LIMIT_MS = 120_000;
const BUILT_IN = new Set(["--help", "-h"]);

/** What a document tells a reader to type: words from `catena` to the end of the command. */
function commandsOf(text: string): string[][] {
  const lines = text.split("\n").map((line) => line.replace(/ {2,}#.*$/, ""));
  const blocks = lines.filter((line) => /^ {4}\S/.test(line));
  const inline = [...text.matchAll(/`((?:dist\/bin\/)?catena [^`]+)`/g)].map((match) => match[1]!);
  return [...blocks, ...inline].flatMap((line) => {
    const match = /(?:^|[ /])catena ((?:[a-z_]+)\b.*)$/.exec(line.trim());
    return match
      ? [
          match[1]!
            .split(/[|>&;]/)[0]!
            .trim()
            .split(/\s+/),
        ]
      : [];
  });
}

/** The flags before the program that a container is to run. */
function flagsIn(words: string[]): string[] {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  return own.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0]!);
}

test(
  "every command and flag that the documents tell of exists",
  async () => {
    const program = buildProgram();
    const unknown: string[] = [];
    let seen = 0;
    for (const document of DOCUMENTS) {
      const text = readFileSync(join(ROOT, document), "utf8");
      for (const [name, ...rest] of commandsOf(text)) {
        const command = program.commands.find((one) => one.name() === name);
        // A sentence such as "catena daemon is up" names no flag.
        if (!command) {
          if (flagsIn(rest).length > 0) unknown.push(`${document}: catena ${name}`);
          continue;
        }
        seen += 1;
        const child = command.commands.find((one) => one.name() === rest[0]) ?? command;
        const foreign = await foreignHelp(name!);
        const known = new Set([
          ...BUILT_IN,
          ...child.options.flatMap(({ long, short }) => [long, short]),
          ...listedFlags(foreign ?? "").flatMap(({ flags }) => flags),
        ]);
        // What follows a program's name is the program's own.
        const passes = child.registeredArguments.at(-1)?.variadic === true && foreign === undefined;
        const flags = passes
          ? flagsIn(rest).filter((flag) => flag.startsWith("--"))
          : flagsIn(rest);
        for (const flag of flags) {
          if (!known.has(flag)) unknown.push(`${document}: catena ${name} ${flag}`);
        }
      }
    }
    expect(unknown).toEqual([]);
    expect(seen).toBeGreaterThan(30);
  },
  LIMIT_MS,
);
