import { makeFolders, O, readText, renameFile, statFile, writeText } from "../linux/file.ts";
import type { SpanRecord } from "./span.ts";
import type { SpanSink } from "./tracer.ts";

/** One file holds at most this much before it becomes the older of the two that are kept. */
const MAX_SPOOL_BYTES = 4 * 1024 * 1024;
/** How long a daemon gathers spans before one write. */
const FLUSH_AFTER_MS = 50;
const FLUSH_AT_SPANS = 256;

/** Where every process of a host appends its spans: JSON lines, two files in turn. */
export function spoolPath(stateDir: string): string {
  return `${stateDir}/trace/spans.jsonl`;
}

/**
 * Appends finished spans to the host's spool. Daemons flush by timer; a short-lived command calls
 * `flushSync` before it exits. Each write is one append, so writers do not tear each other's lines.
 */
export class SpoolSink implements SpanSink {
  readonly #path: string;
  #pending: SpanRecord[] = [];
  #unmade: (() => readonly SpanRecord[])[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(stateDir: string) {
    this.#path = spoolPath(stateDir);
  }

  add(span: SpanRecord): void {
    this.#pending.push(span);
    this.#flushSoon();
  }

  later(make: () => readonly SpanRecord[]): void {
    this.#unmade.push(make);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#pending.length + this.#unmade.length >= FLUSH_AT_SPANS) this.#flush();
    else if (!this.#timer) {
      this.#timer = setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
      this.#timer.unref();
    }
  }

  #take(): string | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const make of this.#unmade.splice(0)) this.#pending.push(...make());
    if (this.#pending.length === 0) return undefined;
    const text = spanLines(this.#pending);
    this.#pending = [];
    return text;
  }

  #flush(): void {
    const text = this.#take();
    if (text === undefined) return;
    // Here and not above: only daemons come here, and loading it costs a command 2 ms.
    const { appendFile } = require("node:fs") as typeof import("node:fs");
    appendFile(this.#path, text, { mode: 0o600 }, (error) => {
      if (error) appendText(this.#path, text);
      else rotate(this.#path);
    });
  }

  /** Writes what is pending before the process ends. Never throws. */
  flushSync(): void {
    const text = this.#take();
    if (text !== undefined) appendText(this.#path, text);
  }
}

/** Appends a command's spans at its end. Never throws. */
export function appendSpans(stateDir: string, spans: readonly SpanRecord[]): void {
  if (spans.length > 0) appendText(spoolPath(stateDir), spanLines(spans));
}

const spanLines = (spans: readonly SpanRecord[]) =>
  `${spans.map((span) => JSON.stringify(span)).join("\n")}\n`;

function appendText(path: string, text: string): void {
  const append = () => writeText(path, text, O.WRONLY | O.APPEND | O.CREAT, 0o600);
  try {
    append();
  } catch {
    try {
      makeFolders(path.slice(0, path.lastIndexOf("/")), 0o700);
      append();
    } catch {
      // A trace that cannot be written must not fail the work that it describes.
      return;
    }
  }
  rotate(path);
}

function rotate(path: string): void {
  try {
    if ((statFile(path)?.size ?? 0) > MAX_SPOOL_BYTES) renameFile(path, `${path}.1`);
  } catch {
    // Another process rotated it first.
  }
}

/** Reads all spans that the spool still holds, oldest first, without lines that do not parse. */
export function readSpool(stateDir: string): SpanRecord[] {
  const spans: SpanRecord[] = [];
  for (const path of [`${spoolPath(stateDir)}.1`, spoolPath(stateDir)]) {
    let text: string;
    try {
      text = readText(path);
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
