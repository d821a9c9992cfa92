import { errnoOf, readText } from "#lib/linux/file.ts";
import type { Process, Spec } from "../spec/spec_types.ts";
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
  const spec = parseObject(text, path) as Spec;
  checkProcess(spec.process);
  if (!spec.root) throw refuse("load bundle", "root must be specified", "invalid_argument");
  return spec;
}

/** The checks that runc makes of a process before anything is started, in its words. */
export function checkProcess(process: Process | undefined): asserts process is Process {
  const wrong = (message: string) => refuse("check process", message, "invalid_argument");
  if (!process) throw wrong("process property must not be empty");
  if (!process.cwd) throw wrong("Cwd property must not be empty");
  if (!process.cwd.startsWith("/")) throw wrong("Cwd must be an absolute path");
  if (!Array.isArray(process.args) || process.args.length === 0) {
    throw wrong("args must not be empty");
  }
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
