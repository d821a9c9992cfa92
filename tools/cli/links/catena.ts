import { Command, CommanderError } from "commander";
import { addContainers } from "../program/container_commands.ts";
import { addDaemons, addSystem } from "../program/daemon_commands.ts";
import { addImages } from "../program/image_commands.ts";
import { addInsight } from "../program/insight_commands.ts";

const VERSION = "0.1.0";

/** A wrong command line; docker's own tools end so. */
const EXIT_USAGE = 125;
/** As a shell says of a program that SIGPIPE ended. */
const EXIT_NO_READER = 141;

/** `catena`: daemons and tools. Each command's modules load only when it is used. */
export async function main(args: string[]): Promise<void> {
  process.stdout.on("error", leaveWithoutReader);
  try {
    await buildProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
      return;
    }
    process.stderr.write(`catena: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** `catena … | head`: nobody reads on, which is no failure to be told. */
function leaveWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(EXIT_NO_READER);
  throw error;
}

function buildProgram(): Command {
  const program = new Command("catena")
    .description("the container stack from the kubelet down to execve, that you can see through")
    .version(VERSION, "-v, --version")
    .exitOverride()
    .showHelpAfterError("(catena help COMMAND shows the flags)")
    .enablePositionalOptions();
  addContainers(program);
  addImages(program);
  addInsight(program);
  addDaemons(program);
  addSystem(program);
  return program;
}
