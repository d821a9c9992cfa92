import { ambientStateDir } from "#lib/install/install_paths.ts";
import { writeDescriptor } from "#lib/linux/file.ts";
import { lookUp } from "../spec/name_table.ts";
import { StateStore } from "../state/state_store.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import { CommandLog } from "./command_log.ts";
import type { Command, FlagSpec, Invocation } from "./command_types.ts";
import { type Parsed, parseFlags, UsageError } from "./flag_parse.ts";
import { VERBS } from "./verb_table.ts";

const DEFAULT_ROOT = "/run/runc";
const STDOUT = 1;

const HELP_FLAG: FlagSpec = { name: "help", alias: "h", kind: "bool", usage: "show help" };

const GLOBAL_FLAGS: FlagSpec[] = [
  { name: "debug", kind: "bool", usage: "log what is done, step by step" },
  { name: "log", kind: "string", usage: "file to log to, instead of stderr" },
  { name: "log-format", kind: "string", usage: "text or json", default: "text" },
  { name: "root", kind: "string", usage: "folder of container states", default: DEFAULT_ROOT },
  { name: "criu", kind: "string", usage: "accepted and ignored" },
  {
    name: "systemd-cgroup",
    kind: "bool",
    usage: 'cgroupsPath is of the form "slice:prefix:name"',
  },
  {
    name: "rootless",
    kind: "string",
    usage: "take refused cgroups for no failure: true, false or auto",
    default: "auto",
  },
  {
    name: "delegate",
    kind: "string",
    usage: "genuine runtime that does the work; its failures gain our diagnosis",
  },
  HELP_FLAG,
  { name: "version", alias: "v", kind: "bool", usage: "print the version" },
];

const print = (text: string) => writeDescriptor(STDOUT, text);

function absolute(path: string): string {
  if (path.startsWith("/")) return path;
  return `${process.cwd()}/${path}`;
}

/** The state root: `--root`, else below XDG_RUNTIME_DIR for callers that are not root. */
function stateRoot(parsed: Parsed): string {
  const named = parsed.flags.text("root");
  if (named) return absolute(named);
  const runtimeDir = process.env["XDG_RUNTIME_DIR"];
  return process.geteuid!() !== 0 && runtimeDir ? `${runtimeDir}/runc` : DEFAULT_ROOT;
}

function rootless(parsed: Parsed): boolean {
  const said = parsed.flags.text("rootless").toLowerCase();
  if (said !== "" && said !== "auto") return said === "true" || said === "1";
  return process.geteuid!() !== 0;
}

function versionText(): string {
  const { versionLines } = require("./version_text.ts") as typeof import("./version_text.ts");
  return versionLines();
}

function showGlobalHelp(): number {
  const { globalHelp } = require("./command_help.ts") as typeof import("./command_help.ts");
  const verbs = Object.entries(VERBS).map(([name, { usage }]) => [name, usage] as const);
  print(globalHelp(verbs, GLOBAL_FLAGS, versionText()));
  return 0;
}

async function showCommandHelp(name: string): Promise<void> {
  const { commandHelp } = require("./command_help.ts") as typeof import("./command_help.ts");
  const verb = VERBS[name]!;
  print(commandHelp(await verb.load(), verb.usage));
}

/**
 * Opens the log that the global flags name. Without a usable one, failures go to stderr as text.
 */
function openLog(parsed: Parsed): CommandLog {
  const format = parsed.flags.text("log-format") || "text";
  if (format !== "text" && format !== "json") {
    throw refuse("log", `invalid log-format: ${format}`, "invalid_argument");
  }
  return new CommandLog(parsed.flags.text("log"), format, parsed.flags.on("debug"));
}

/** Refuses too few and too many arguments, in runc's words, after showing the verb's help. */
async function checkArguments(command: Command, given: number): Promise<void> {
  const [least, most] = command.args;
  if (given >= least && given <= most) return;
  print("Incorrect Usage.\n\n");
  await showCommandHelp(command.name);
  const kind = least === most ? "exactly" : given < least ? "a minimum of" : "a maximum of";
  const count = given < least || least === most ? least : most;
  throw refuse(
    "arguments",
    `${process.argv0}: ${JSON.stringify(command.name)} requires ${kind} ${count} argument(s)`,
    "invalid_argument",
  );
}

function invocation(global: Parsed, log: CommandLog, own: Parsed): Invocation {
  const root = stateRoot(global);
  return {
    root,
    log,
    flags: own.flags,
    args: own.args,
    context: {
      store: new StateStore(root),
      systemd: global.flags.on("systemd-cgroup"),
      rootless: rootless(global),
      warn: (message) => log.warn(message),
      ...(global.flags.on("debug") ? { debug: (message: string) => log.debug(message) } : {}),
    },
  };
}

async function runVerb(name: string, argv: string[], global: Parsed): Promise<number> {
  const log = openLog(global);
  const command = await VERBS[name]!.load();
  let own: Parsed;
  try {
    own = parseFlags(argv, [...command.flags, HELP_FLAG], command.stopAtFirst ?? false);
    if (own.flags.on("help")) {
      await showCommandHelp(name);
      return 0;
    }
    await checkArguments(command, own.args.length);
  } catch (error) {
    if (!(error instanceof UsageError)) return report(log, commandFailure(error, name), 1);
    print(`Incorrect Usage: ${error.message}\n\n`);
    await showCommandHelp(name);
    return report(log, refuse("arguments", error.message, "invalid_argument"), 1);
  }
  try {
    return await command.run(invocation(global, log, own));
  } catch (error) {
    const inner = commandFailure(error, name);
    if (!command.failure) return report(log, inner, 1);
    const outer = inner.wrap({
      layer: "runc",
      op: name,
      code: inner.outer.code,
      message: command.failure.message,
    });
    return report(log, outer, command.failure.code);
  }
}

/** Tells a failure, and keeps it where `catena explain` finds it. Returns the exit code. */
function report(log: CommandLog, failure: ReturnType<typeof commandFailure>, code: number): number {
  log.error(failure);
  const { recordError } =
    require("#lib/errors/error_record.ts") as typeof import("#lib/errors/error_record.ts");
  recordError(ambientStateDir(), failure);
  return code;
}

async function dispatch(argv: string[]): Promise<number> {
  let global: Parsed;
  try {
    global = parseFlags(argv, GLOBAL_FLAGS, true);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    print(`Incorrect Usage. ${error.message}\n\n`);
    showGlobalHelp();
    return report(
      new CommandLog("", "text", false),
      refuse("arguments", error.message, "invalid_argument"),
      1,
    );
  }
  if (global.flags.text("delegate")) {
    const { runDelegate } =
      require("../delegate/run_delegate.ts") as typeof import("../delegate/run_delegate.ts");
    return runDelegate(argv, global, stateRoot(global));
  }
  if (global.flags.on("version")) {
    print(`catena-runc version ${versionText()}\n`);
    return 0;
  }
  const [name, ...rest] = global.args;
  if (name === undefined || global.flags.on("help")) return showGlobalHelp();
  if (name === "help" || name === "h") {
    const [topic] = rest;
    if (topic === undefined) return showGlobalHelp();
    if (lookUp(VERBS, topic)) {
      await showCommandHelp(topic);
      return 0;
    }
    return unknownCommand(topic, global);
  }
  return lookUp(VERBS, name) ? runVerb(name, rest, global) : unknownCommand(name, global);
}

function unknownCommand(name: string, global: Parsed): number {
  const error = refuse("arguments", `No help topic for '${name}'`, "invalid_argument");
  report(openLog(global), error, 3);
  return 3;
}

/** The whole of `catena-runc`: parses, runs one verb, and ends the process with its exit code. */
export function runCommandLine(argv: string[]): void {
  dispatch(argv)
    .catch((error) =>
      report(new CommandLog("", "text", false), commandFailure(error, "command line"), 1),
    )
    .then((code) => process.exit(code));
}
