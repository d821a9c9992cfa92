import type { Command } from "commander";
import { foreignHelp } from "../program/foreign_help.ts";

/** A manual page: its file's name and its text as troff. */
export interface ManPage {
  name: string;
  text: string;
}

const EXIT_STATUS =
  "0 on success. run and exec end with the code of the program they ran; with 125 when it could " +
  "not be run, 126 when it may not be executed, 127 when it was not found. A wrong command line " +
  "ends with 125, any other failure with 1.";

/** The pages of a program and of each command that its help shows. */
export async function manPages(program: Command, version: string): Promise<ManPage[]> {
  const commands = [program, ...descendants(program)];
  return Promise.all(commands.map((command) => manPage(command, version)));
}

/** One command's page, of what its --help says. */
export async function manPage(command: Command, version: string): Promise<ManPage> {
  const name = pathOf(command).join("-");
  const foreign = await foreignHelp(command.name());
  const summary = command.summary() || command.description();
  const parts = [
    `.TH ${name.toUpperCase()} 1 "" "catena ${version}" "Catena"`,
    `.SH NAME\n${troff(name)} \\- ${troff(summary.split("\n")[0]!)}`,
    `.SH SYNOPSIS\n.B ${troff(pathOf(command).join(" "))}\n${troff(command.usage())}`,
  ];
  if (command.summary() !== "" && command.description() !== "") {
    parts.push(`.SH DESCRIPTION\n.nf\n${troff(command.description())}\n.fi`);
  }
  if (foreign !== undefined) parts.push(`.SH OPTIONS\n.nf\n${troff(foreign.trim())}\n.fi`);
  else parts.push(...listOf(command));
  parts.push(`.SH EXIT STATUS\n${troff(EXIT_STATUS)}`);
  parts.push(`.SH SEE ALSO\n${seeAlso(command)}`);
  return { name: `${name}.1`, text: `${parts.join("\n")}\n` };
}

function listOf(command: Command): string[] {
  const help = command.createHelp();
  const parts: string[] = [];
  const section = (title: string, items: [string, string][]) => {
    if (items.length === 0) return;
    const lines = items.map(([term, text]) => `.TP\n.B ${troff(term)}\n${troff(text)}`);
    parts.push(`.SH ${title}\n${lines.join("\n")}`);
  };
  section(
    "ARGUMENTS",
    help
      .visibleArguments(command)
      .map((one) => [help.argumentTerm(one), help.argumentDescription(one)]),
  );
  section(
    "OPTIONS",
    help.visibleOptions(command).map((one) => [help.optionTerm(one), help.optionDescription(one)]),
  );
  section(
    "COMMANDS",
    help
      .visibleCommands(command)
      .filter((one) => one.name() !== "help")
      .map((one) => [help.subcommandTerm(one), help.subcommandDescription(one)]),
  );
  return parts;
}

function seeAlso(command: Command): string {
  const names = command.parent
    ? [pathOf(command.parent).join("-")]
    : descendants(command).map((one) => pathOf(one).join("-"));
  return names.map((name) => `.BR ${troff(name)} (1)`).join(",\n");
}

function descendants(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help" && one.parent !== null)
    .flatMap((one) => [one, ...descendants(one)]);
}

function pathOf(command: Command): string[] {
  return command.parent ? [...pathOf(command.parent), command.name()] : [command.name()];
}

/** Text as troff takes it: no escape of its own, no request at the beginning of a line. */
function troff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&")
    .replaceAll("…", "...");
}
