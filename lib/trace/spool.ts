import { appendFile, appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SpanRecord } from "./span.ts";
import type { SpanSink } from "./tracer.ts";

/** One file holds at most this much before it becomes the older of the two that are kept. */
const MAX_SPOOL_BYTES = 4 * 1024 * 1024;
/** How long a daemon gathers spans before one write. */
const FLUSH_AFTER_MS = 50;
const FLUSH_AT_SPANS = 256;

/** Where every process of a host appends its spans: JSON lines, two files in turn. */
export function spoolPath(stateDir: string): string {
  return join(stateDir, "trace", "spans.jsonl");
}

/**
 * Appends finished spans to the host's spool. Daemons flush by timer; a short-lived command calls
 * `flushSync` before it exits. Each write is one append, so writers do not tear each other's lines.
 */
export class SpoolSink implements SpanSink {
  readonly #path: string;
  #pending: SpanRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stateDir: string) {
    this.#path = spoolPath(stateDir);
  }

  add(span: SpanRecord): void {
    this.#pending.push(span);
    if (this.#pending.length >= FLUSH_AT_SPANS) this.#flush();
    else if (!this.#timer) {
      this.#timer = setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
      this.#timer.unref();
    }
  }

  #take(): string | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return undefined;
    const text = `${this.#pending.map((span) => JSON.stringify(span)).join("\n")}\n`;
    this.#pending = [];
    return text;
  }

  #flush(): void {
    const text = this.#take();
    if (text === undefined) return;
    appendFile(this.#path, text, { mode: 0o600 }, (error) => {
      if (error) this.#write(text);
      else this.#rotate();
    });
  }

  /** Writes what is pending before the process ends. Never throws. */
  flushSync(): void {
    const text = this.#take();
    if (text !== undefined) this.#write(text);
  }

  #write(text: string): void {
    try {
      appendFileSync(this.#path, text, { mode: 0o600 });
    } catch {
      try {
        mkdirSync(join(this.#path, ".."), { recursive: true, mode: 0o700 });
        appendFileSync(this.#path, text, { mode: 0o600 });
      } catch {
        // A trace that cannot be written must not fail the work that it describes.
        return;
      }
    }
    this.#rotate();
  }

  #rotate(): void {
    try {
      if (statSync(this.#path).size > MAX_SPOOL_BYTES) renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // Another process rotated it first.
    }
  }
}

/** Reads all spans that the spool still holds, oldest first. Lines that do not parse are left out. */
export function readSpool(stateDir: string): SpanRecord[] {
  const spans: SpanRecord[] = [];
  for (const path of [`${spoolPath(stateDir)}.1`, spoolPath(stateDir)]) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      continue;
    }
    for (const line of text.split("\n")) {
      if (line === "") continue;
      try {
        spans.push(JSON.parse(line) as SpanRecord);
      } catch {
        // A line torn by a crash.
      }
    }
  }
  return spans;
}
