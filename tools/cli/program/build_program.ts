import { Command } from "commander";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { addComfort } from "./comfort_commands.ts";
import { addContainers } from "./container_commands.ts";
import { addDaemons, addSystem } from "./daemon_commands.ts";
import { addImages } from "./image_commands.ts";
import { addInsight } from "./insight_commands.ts";

export const VERSION = "0.1.0";

const FIRST_STEPS = `
First steps:
  catena tour                       see the chain at work, on this machine
  catena daemon &                   a stack; docker -H unix:///run/catena/docker.sock uses it too
  catena doctor                     who is ill on this host: Docker and containerd as well
  catena exec --trace NAME PROGRAM  where the time of an exec goes

catena help COMMAND shows the flags; man pages: catena man --help`;

/** What commander says of a wrong command line repeats it. */
function neutralLines(text: string): string {
  return text.split("\n").map(neutralText).join("\n");
}

/** `catena` with all its commands, in the groups in which --help shows them. */
export function buildProgram(): Command {
  const program = new Command("catena")
    .description("the container stack from the kubelet down to execve, that you can see through")
    .version(VERSION, "-v, --version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(neutralLines(text)) })
    // Terms without their arguments, so that a line fits into 80 columns.
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      commandDescription: (command) => oneLineEach(command.description()),
    })
    .addHelpText("after", FIRST_STEPS)
    .enablePositionalOptions();
  program.commandsGroup("Containers:");
  addContainers(program);
  program.commandsGroup("Images:");
  addImages(program);
  program.commandsGroup("See and explain, on any stack:");
  addInsight(program);
  program.commandsGroup("Daemons:");
  addDaemons(program);
  addSystem(program);
  program.commandsGroup("Further:");
  addComfort(program);
  program.helpCommand("help [command]", "show the flags of a command");
  nameNextHelp(program, "catena help COMMAND");
  return program;
}

/** Paragraphs without their own line ends: the help is as wide as the terminal. */
function oneLineEach(text: string): string {
  return text.replace(/\n(?!\n| )/g, " ");
}

/** A wrong command line is answered with what shows the right one. */
function nameNextHelp(command: Command, help: string): void {
  command.showHelpAfterError(`(${help} shows the flags)`);
  for (const one of command.commands) {
    const path = help.replace(/ COMMAND$/, "");
    nameNextHelp(one, `${path} ${one.name()}`);
  }
}
