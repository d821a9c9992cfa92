import { errnoOf, readText } from "#lib/linux/file.ts";
import { checkShape } from "../spec/schema_shapes.ts";
import { PROCESS_SHAPE, SPEC_SHAPE } from "../spec/spec_schema.ts";
import type { Process, Spec } from "../spec/spec_types.ts";
import { HOOK_NAMES } from "../state/container_config.ts";
import { refuse } from "./command_failure.ts";

const CONFIG = "config.json";

/** Parses JSON that a caller gave us. Refuses what is no object, naming the file. */
export function parseObject(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(
      "read JSON",
      `invalid JSON in ${path}: ${(error as Error).message}`,
      "invalid_argument",
      {
        evidence: [{ kind: "path", value: `${text.length} bytes`, ref: path }],
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("read JSON", `${path}: JSON object expected`, "invalid_argument");
  }
  return value;
}

/** Reads a bundle's config.json and checks what every verb relies on. */
export function readBundle(bundle: string): Spec {
  const path = `${bundle}/${CONFIG}`;
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw refuse("load bundle", `JSON specification file ${CONFIG} not found`, "invalid_argument", {
      evidence: [{ kind: "path", value: "missing", ref: path }],
      fix: `name the bundle with --bundle, or write one with "catena-runc spec"`,
    });
  }
  return checkSpec(parseObject(text, path));
}

/** A parsed config.json as a spec. Refuses what has not its shape, by the JSON path at fault. */
export function checkSpec(value: object): Spec {
  checkShape(value, SPEC_SHAPE, "");
  const spec = value as Spec;
  checkFields(spec.process);
  if (!spec.root) throw wrong("root", "root must be specified");
  checkHooks(spec.hooks);
  return spec;
}

const wrong = (at: string, message: string) =>
  refuse("check spec", message, "invalid_argument", {
    evidence: [{ kind: "path", value: at, ref: CONFIG }],
  });

/**
 * What the specification wants of hooks, and what would otherwise be found by PATH, or run on.
 * Kinds that there are not may be anything and are passed over, as under runc.
 */
function checkHooks(hooks: Spec["hooks"]): void {
  for (const name of HOOK_NAMES) {
    for (const [index, { path, timeout }] of (hooks?.[name] ?? []).entries()) {
      const at = `hooks.${name}[${index}]`;
      const step = `error running ${name} hook #${index}`;
      if (!path.startsWith("/")) {
        throw wrong(`${at}.path`, `${step}: ${path || "its path"} is not absolute (${at}.path)`);
      }
      if (timeout !== undefined && timeout <= 0) {
        const limit = `hook ran past specified timeout of ${timeout.toFixed(1)}s`;
        throw wrong(`${at}.timeout`, `${step}: ${limit} (${at}.timeout)`);
      }
    }
  }
}

/** Checks a process that comes from outside: its shape, then what runc checks, in its words. */
export function checkProcess(process: Process | undefined): asserts process is Process {
  if (process) checkShape(process, PROCESS_SHAPE, "process");
  checkFields(process);
}

function checkFields(process: Process | undefined): asserts process is Process {
  if (!process) throw wrong("process", "process property must not be empty");
  if (!process.cwd) throw wrong("process.cwd", "Cwd property must not be empty");
  if (!process.cwd.startsWith("/")) {
    throw wrong("process.cwd", "Cwd must be an absolute path");
  }
  if (!process.args?.length) throw wrong("process.args", "args must not be empty");
  process.user ??= { uid: 0, gid: 0 };
}

/** Refuses a terminal without a socket for it, and a socket without a terminal (runc's words). */
export function checkTerminal(process: Process, detach: boolean, consoleSocket: boolean): void {
  if (detach && process.terminal && !consoleSocket) {
    throw refuse(
      "check terminal",
      "cannot allocate tty if runc will detach without setting console socket",
      "invalid_argument",
    );
  }
  if ((!detach || !process.terminal) && consoleSocket) {
    throw refuse(
      "check terminal",
      "cannot use console socket if runc will not detach or allocate tty",
      "invalid_argument",
    );
  }
}
