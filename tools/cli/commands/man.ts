import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { manPage, manPages } from "../comfort/man_page.ts";
import { VERSION } from "../program/build_program.ts";

export interface ManFlags {
  /** A folder for all pages. */
  write?: string;
}

/** `catena man [COMMAND]`: a manual page on stdout, or all of them as files. Returns the code. */
export async function runMan(program: Command, words: string[], flags: ManFlags): Promise<number> {
  if (flags.write !== undefined) {
    mkdirSync(flags.write, { recursive: true });
    for (const { name, text } of await manPages(program, VERSION)) {
      const path = join(flags.write, name);
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
    return 0;
  }
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (!next) {
      process.stderr.write(
        `catena man: no command ${neutralText(words.join(" "))}; catena --help lists them\n`,
      );
      return 1;
    }
    command = next;
  }
  await Bun.write(Bun.stdout, (await manPage(command, VERSION)).text);
  return 0;
}
