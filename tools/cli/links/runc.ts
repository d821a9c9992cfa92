import { runCommandLine } from "#stack/runc/commands/command_line.ts";

/** `catena-runc`: the OCI runtime's command line. */
export function main(args: string[]): void {
  runCommandLine(args);
}
