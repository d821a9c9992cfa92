import type { Command } from "commander";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { completeWords } from "../comfort/complete_words.ts";
import { knownNames } from "../comfort/known_names.ts";
import { SHELL_SCRIPTS } from "../comfort/shell_scripts.ts";

/** `catena completion SHELL`: the script for a shell. Returns the exit code. */
export async function runCompletion(shell: string): Promise<number> {
  await Bun.write(Bun.stdout, SHELL_SCRIPTS[shell]!);
  return 0;
}

/** What the scripts ask for: how the last of these words can go on. Returns the exit code. */
export async function runComplete(program: Command, words: string[]): Promise<number> {
  const { candidates, files } = await completeWords(program, words, knownNames);
  const lines = candidates.map(({ value, text }) => `${value}\t${neutralText(text)}`);
  await Bun.write(Bun.stdout, `${[files ? "files" : "names", ...lines].join("\n")}\n`);
  return 0;
}
