import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { SpanRecord } from "./span.ts";
import { spoolPath } from "./spool.ts";

/** Read at once at most; what is left comes with the next call. */
const MAX_READ_BYTES = 8 * 1024 * 1024;
/** A longer line is none of ours. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Reads the spans that are added to a host's spool, across its rotations. */
export class SpoolFollower {
  readonly #path: string;
  #inode = 0;
  #offset = 0;

  /** Begins at the spool's present end, or with `fromStart` at its beginning. */
  constructor(stateDir: string, fromStart = false) {
    this.#path = spoolPath(stateDir);
    if (!fromStart) this.#skipToEnd();
  }

  /** Spans added since the last call. Lines that do not parse are left out. */
  poll(): SpanRecord[] {
    const spans: SpanRecord[] = [];
    const fd = openIfAny(this.#path);
    if (fd === undefined) return spans;
    try {
      const { ino } = fstatSync(fd);
      if (this.#inode !== 0 && ino !== this.#inode) this.#finishOld(spans);
      if (ino !== this.#inode) {
        this.#inode = ino;
        this.#offset = 0;
      }
      this.#take(fd, spans);
    } finally {
      closeSync(fd);
    }
    return spans;
  }

  /** The file was rotated: what it gained since the last call lies under its other name. */
  #finishOld(spans: SpanRecord[]): void {
    const fd = openIfAny(`${this.#path}.1`);
    if (fd === undefined) return;
    try {
      if (fstatSync(fd).ino === this.#inode) this.#take(fd, spans);
    } finally {
      closeSync(fd);
    }
  }

  #skipToEnd(): void {
    const fd = openIfAny(this.#path);
    if (fd === undefined) return;
    try {
      const { ino, size } = fstatSync(fd);
      this.#inode = ino;
      this.#offset = size;
    } finally {
      closeSync(fd);
    }
  }

  #take(fd: number, spans: SpanRecord[]): void {
    const size = Math.min(fstatSync(fd).size - this.#offset, MAX_READ_BYTES);
    if (size <= 0) return;
    const bytes = Buffer.allocUnsafe(size);
    const got = readSync(fd, bytes, 0, size, this.#offset);
    // A line may be under way: a character of it could be cut, a newline cannot.
    const end = bytes.lastIndexOf(0x0a, got - 1) + 1;
    if (end === 0 && got < MAX_LINE_BYTES) return;
    this.#offset += end || got;
    for (const line of bytes.toString("utf8", 0, end).split("\n")) {
      const span = parseSpan(line);
      if (span) spans.push(span);
    }
  }
}

function parseSpan(line: string): SpanRecord | undefined {
  if (line === "") return undefined;
  try {
    const span = JSON.parse(line) as Partial<SpanRecord>;
    const ids =
      /^[0-9a-f]{32}$/.test(span.traceId ?? "") && /^[0-9a-f]{16}$/.test(span.spanId ?? "");
    return ids && typeof span.name === "string" ? (span as SpanRecord) : undefined;
  } catch {
    return undefined;
  }
}

function openIfAny(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
