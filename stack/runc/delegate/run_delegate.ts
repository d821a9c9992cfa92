import { ChainError } from "#lib/errors/chain_error.ts";
import { recordError } from "#lib/errors/error_record.ts";
import { ambientStateDir } from "#lib/install/install_paths.ts";
import { MFD, memfdCreate } from "#lib/linux/descriptor.ts";
import { readTextIfAny, writeDescriptor } from "#lib/linux/file.ts";
import { foregroundPrepare, foregroundWait } from "#lib/linux/foreground.ts";
import { absoluteFrom } from "#lib/linux/path.ts";
import { startProcess } from "#lib/linux/process.ts";
import { CommandLog } from "../commands/command_log.ts";
import type { Parsed } from "../commands/flag_parse.ts";
import type { FoundCause } from "../process/failure_cause.ts";
import type { ContainerState } from "../state/container_state.ts";
import { StateStore } from "../state/state_store.ts";
import { type Before, countBefore, limitThatMoved, programThatFailed } from "./delegate_cause.ts";

const STDERR = 2;

/** Verbs that start a process: what may be at fault is looked at before and after. */
const LAUNCHES = new Set(["create", "run", "start", "exec"]);

/** What the genuine runtime is given, and what is known of the container beforehand. */
interface Delegation {
  program: string;
  verb: string;
  /** Its arguments: the global flags without ours, the verb, and the rest. */
  args: string[];
  /** The file that it logs to: the caller's, or one of ours. */
  logPath: string;
  logSize: number;
  state: ContainerState | undefined;
  before: Before | undefined;
}

/**
 * `--delegate PROGRAM`: a genuine runtime does the work, with our arguments, streams, descriptors
 * and environment. When it fails, what it logged gains a line with the cause, if evidence proves
 * one, and the fix. Returns its exit code, which is not changed.
 */
export function runDelegate(argv: string[], global: Parsed, root: string): number {
  const delegation = prepare(argv, global, root);
  const code = launch(delegation);
  if (code === 0) return code;
  const message = lastError(delegation);
  if (message === undefined) return code;
  const found = causeOf(delegation, message);
  if (found.words.cause !== undefined) tell(global, delegation, message, found);
  return code;
}

function prepare(argv: string[], global: Parsed, root: string): Delegation {
  const args = withoutOwnFlag(argv);
  const [verb = "", ...rest] = global.args;
  const log = global.flags.text("log");
  // Without a log of the caller's its words could not be read: they go to stderr as well, then.
  const own = log === "" ? memfdCreate("runtime-log", MFD.CLOEXEC) : -1;
  const logPath = log === "" ? `/proc/${process.pid}/fd/${own}` : log;
  const flags = log === "" ? ["--log", logPath, "--log-format", "json"] : [];
  const state = LAUNCHES.has(verb) ? stateOf(root, rest) : undefined;
  return {
    program: global.flags.text("delegate"),
    verb,
    args: [...flags, ...args],
    logPath,
    logSize: (readTextIfAny(logPath) ?? "").length,
    state,
    before: state && countBefore(state, `${root}/${state.id}`),
  };
}

/** The command line as it was given, less `--delegate PROGRAM`. */
function withoutOwnFlag(argv: string[]): string[] {
  const at = argv.findIndex((word) => /^--?delegate(=|$)/.test(word));
  return argv.toSpliced(at, argv[at]!.includes("=") ? 1 : 2);
}

/** The state of the first argument that names a container, whatever flags stand around it. */
function stateOf(root: string, words: string[]): ContainerState | undefined {
  const store = new StateStore(root);
  for (const word of words) {
    if (word.startsWith("-") || word.includes("/")) continue;
    try {
      return store.load(word);
    } catch {
      // Not a container: a flag's value, or the program.
    }
  }
  return undefined;
}

/** Runs it with everything that was given to us, signals included. */
function launch({ program, args }: Delegation): number {
  const env = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const listen = Number(process.env["LISTEN_FDS"] ?? "0") || 0;
  const preserve = Number(args.join(" ").match(/--?preserve-fds[= ](\d+)/)?.[1] ?? "0");
  const fds = Array.from({ length: 3 + listen + preserve }, (_, fd) => ({ fd, as: fd }));
  foregroundPrepare(false);
  // The shell only says which process socket activation is meant for, and becomes the runtime.
  const script = 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"';
  const [path, argv] =
    listen > 0 ? ["/bin/sh", ["sh", "-c", script, program]] : [program, [program]];
  return foregroundWait(startProcess({ path, argv: [...argv, ...args], env, fds }));
}

/** The message of the last error that it logged during this call. */
function lastError({ logPath, logSize }: Delegation): string | undefined {
  const lines = (readTextIfAny(logPath) ?? "").slice(logSize).split("\n");
  for (const line of lines.reverse()) {
    const text = line.match(/level=error msg=("(?:[^"\\]|\\.)*")/)?.[1];
    if (text) return JSON.parse(text) as string;
    if (!line.includes('"error"')) continue;
    try {
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
      if (level === "error" && msg) return msg;
    } catch {
      // A line that was cut off.
    }
  }
  return undefined;
}

function causeOf({ before, state, args }: Delegation, message: string): FoundCause {
  const moved = before && limitThatMoved(before);
  if (moved) return moved;
  const pid = state?.init_process_pid ?? 0;
  if (pid > 0) return programThatFailed(message, `/proc/${pid}/root`);
  const bundle = args.join(" ").match(/ --?b(?:undle)?[= ](\S+)/)?.[1] ?? ".";
  return programThatFailed(message, rootOf(absoluteFrom(process.cwd(), bundle)));
}

/** Where the root of a container lies that is not there yet. */
function rootOf(bundle: string): string {
  const text = readTextIfAny(`${bundle}/config.json`) ?? "";
  const path = text.match(/"root"\s*:\s*\{[^}]*"path"\s*:\s*"([^"]+)"/)?.[1];
  return absoluteFrom(bundle, path ?? "rootfs");
}

function tell(
  global: Parsed,
  { verb, logPath }: Delegation,
  message: string,
  found: FoundCause,
): void {
  const failure = new ChainError([
    {
      layer: "runc",
      op: verb,
      code: "failed_precondition",
      message,
      evidence: found.evidence,
      ...found.words,
    },
  ]);
  recordError(ambientStateDir(), failure);
  if (global.flags.text("log") !== "") {
    const format = global.flags.text("log-format") === "json" ? "json" : "text";
    new CommandLog(logPath, format, false).error(failure);
    return;
  }
  writeDescriptor(STDERR, `${failure.message}\n`);
}
