import { type Command, InvalidArgumentError } from "commander";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";

/** `--state` and `--root` mean the same to every command. */
export function withState(command: Command): Command {
  return command
    .option("--state <dir>", "state folder", folder, DEFAULT_STATE_DIR)
    .option("--root <dir>", "folder of what must outlive a reboot", folder, DEFAULT_ROOT_DIR);
}

function folder(value: string): string {
  if (!value.startsWith("/")) throw new InvalidArgumentError("give an absolute path");
  return value.replace(/\/+$/, "") || "/";
}

/** A flag that may be given more than once. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** A further value of a flag that names a unix socket; `unix://` before it is left out. */
export function socketPath(value: string): string {
  const path = value.replace(/^unix:\/\//, "");
  if (!path.startsWith("/")) throw new InvalidArgumentError("give the path of a unix socket");
  return path;
}

const MAX_SECONDS = 3600;

/** A span of time in seconds, an hour at most. */
export function seconds(value: string): number {
  const number = Number(value);
  if (!(number >= 0 && number <= MAX_SECONDS)) {
    throw new InvalidArgumentError(`give seconds, 0 to ${MAX_SECONDS}`);
  }
  return number;
}

/** The value of a flag that is a TCP port; 0 for any free one. */
export function portNumber(value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new InvalidArgumentError("give a port's number");
  }
  return Number(value);
}
