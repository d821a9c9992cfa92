import type { CommandLog } from "./command_log.ts";
import type { Flags } from "./flag_parse.ts";
import type { RuntimeContext } from "./runtime_context.ts";

export interface FlagSpec {
  name: string;
  /** One letter, or another name. */
  alias?: string;
  kind: "bool" | "string" | "list" | "int" | "duration";
  /** What the help says. */
  usage: string;
  default?: string;
}

/** What a verb's action gets. */
export interface Invocation {
  /** The runtime, made on first use: a verb that needs none does not pay for it. */
  context: RuntimeContext;
  log: CommandLog;
  /** The state root, absolute. */
  root: string;
  flags: Flags;
  args: string[];
}

/** One verb of the command line. */
export interface Command {
  name: string;
  /** Arguments as the help's USAGE line shows them. */
  synopsis: string;
  description?: string;
  flags: FlagSpec[];
  /** Least and most arguments. */
  args: readonly [number, number];
  /** Flags end at the first argument: what follows belongs to the container's program or to ps. */
  stopAtFirst?: boolean;
  /** Returns the exit code. */
  run(invocation: Invocation): number | Promise<number>;
  /** The frame that the verb puts around its failures, and its exit code. */
  failure?: { message: string; code: number };
}
