import type { ChainError } from "#lib/errors/chain_error.ts";
import { O, openFile, writeDescriptor } from "#lib/linux/file.ts";

const STDERR = 2;

/**
 * The runtime's log: logrus's lines, as text or JSON, on stderr or in `--log`. A parent decodes the
 * JSON whole: every line has level, msg and an RFC 3339 time.
 */
export class CommandLog {
  /** Where lines go; ours, whatever else is open. */
  readonly fd: number;
  readonly #json: boolean;
  readonly #debug: boolean;

  /** `file` empty is stderr. Throws a system error when the file cannot be opened. */
  constructor(file: string, format: "text" | "json", debug: boolean) {
    this.#json = format === "json";
    this.#debug = debug;
    this.fd = file === "" ? STDERR : openFile(file, O.WRONLY | O.CREAT | O.APPEND, 0o644);
  }

  /** Tells a failure: with its frames in the log, and once on stderr. */
  error(failure: ChainError): void {
    const { chainErrorToJson } =
      require("#lib/errors/error_json.ts") as typeof import("#lib/errors/error_json.ts");
    const extra = this.#json ? { chain: chainErrorToJson(failure) } : {};
    this.#write("error", failure.message, extra);
    if (this.fd !== STDERR) print(`${failure.message}\n`);
  }

  warn(message: string): void {
    this.#write("warning", message);
  }

  debug(message: string): void {
    if (this.#debug) this.#write("debug", message);
  }

  #write(level: string, message: string, extra: object = {}): void {
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    const line = this.#json
      ? JSON.stringify({ level, msg: message, time, ...extra })
      : `time="${time}" level=${level} msg=${JSON.stringify(message)}`;
    try {
      writeDescriptor(this.fd, `${line}\n`);
    } catch {
      // A full disk or a reader that went away must not change what the command does.
    }
  }
}

/** Writes to stderr; a closed one is no failure. */
function print(text: string): void {
  try {
    writeDescriptor(STDERR, text);
  } catch {
    // Nobody reads it.
  }
}
