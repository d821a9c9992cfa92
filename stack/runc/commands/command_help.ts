import type { Command, FlagSpec } from "./command_types.ts";

const NAME = "catena-runc";

function flagLines(flags: FlagSpec[]): string {
  const rows = flags.map((flag) => {
    const value = flag.kind === "bool" ? "" : " value";
    const names = [`--${flag.name}${value}`];
    if (flag.alias) names.push(`${flag.alias.length === 1 ? "-" : "--"}${flag.alias}${value}`);
    const text = flag.default ? `${flag.usage} (default: ${flag.default})` : flag.usage;
    return [names.join(", "), text] as const;
  });
  const width = Math.max(0, ...rows.map(([names]) => names.length));
  return rows.map(([names, text]) => `   ${names.padEnd(width)}  ${text}`).join("\n");
}

/** The help of one verb. */
export function commandHelp(command: Command, usage: string): string {
  const options = command.flags.length > 0 ? " [command options]" : "";
  const sections = [
    `NAME:\n   ${NAME} ${command.name} - ${usage}`,
    `USAGE:\n   ${NAME} ${command.name}${options} ${command.synopsis}`.trimEnd(),
  ];
  if (command.description) sections.push(`DESCRIPTION:\n   ${command.description}`);
  if (command.flags.length > 0) sections.push(`OPTIONS:\n${flagLines(command.flags)}`);
  return `${sections.join("\n\n")}\n`;
}

/** The help of the whole command line. */
export function globalHelp(
  verbs: readonly (readonly [string, string])[],
  flags: FlagSpec[],
  version: string,
): string {
  const width = Math.max(...verbs.map(([name]) => name.length));
  return `NAME:
   ${NAME} - Open Container Initiative runtime

A runtime for OCI bundles (a folder with config.json and a root filesystem), to be used by hand, or
in the place of runc by containerd, Docker and podman. A failure names the link that failed, the
limit or system call behind it, the evidence and the fix.

USAGE:
   ${NAME} [global options] command [command options] [arguments...]

VERSION:
   ${version.split("\n").join("\n   ")}

COMMANDS:
${verbs.map(([name, usage]) => `   ${name.padEnd(width)}  ${usage}`).join("\n")}
   ${"help, h".padEnd(width)}  shows this list, or the help of one command

GLOBAL OPTIONS:
${flagLines(flags)}
`;
}
