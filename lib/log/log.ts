import { writeSync } from "node:fs";

export type LogLevel = "debug" | "info" | "warn" | "error";

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A daemon's log: a line an entry on stderr, in logfmt, as containerd and dockerd write. */
export class Log {
  readonly #layer: string;
  readonly #least: LogLevel;

  constructor(layer: string, least: LogLevel = "info") {
    this.#layer = layer;
    this.#least = least;
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    if (ORDER[level] < ORDER[this.#least]) return;
    const time = JSON.stringify(new Date().toISOString());
    let line = `time=${time} level=${level} layer=${this.#layer}`;
    line += ` msg=${JSON.stringify(message)}`;
    for (const [key, value] of Object.entries(fields ?? {})) {
      line += ` ${key}=${typeof value === "string" ? JSON.stringify(value) : String(value)}`;
    }
    try {
      writeSync(2, `${line}\n`);
    } catch {
      // stderr may be gone (its reader died); a daemon outlives its log.
    }
  }
}
