import { CommanderError } from "commander";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { buildProgram } from "../program/build_program.ts";

/** A wrong command line; docker's own tools end so. */
const EXIT_USAGE = 125;
/** As a shell says of a program that SIGPIPE ended. */
const EXIT_NO_READER = 141;

/** `catena`: daemons and tools. Each command's modules load only when it is used. */
export async function main(args: string[]): Promise<void> {
  // The executable starts reluctant to compile (tools/setup/build.mjs); daemons live long.
  Bun.unsafe.setJITPolicy(1);
  process.stdout.on("error", leaveWithoutReader);
  try {
    await buildProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
      return;
    }
    const words = error instanceof Error ? error.message : String(error);
    process.stderr.write(`catena: ${neutralText(words)}\n`);
    process.exitCode = 1;
  }
}

/** `catena … | head`: nobody reads on, which is no failure to be told. */
function leaveWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(EXIT_NO_READER);
  throw error;
}
