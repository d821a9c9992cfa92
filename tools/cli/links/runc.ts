import { runCommandLine } from "#stack/runc/commands/command_line.ts";

/**
 * How many times more often than usual a function must run before it is compiled. A command is over
 * before compiled code pays: without this, two threads compile beside it, 2.5 ms of each `run`.
 */
const COMPILE_RELUCTANCE = 100;

/** `catena-runc`: the OCI runtime's command line. */
export function main(args: string[]): void {
  Bun.unsafe.setJITPolicy(COMPILE_RELUCTANCE);
  runCommandLine(args);
}
