import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { formatNs, wallNs } from "../wall_clock.ts";

/** A line longer than this is written in pieces, as dockerd does. */
const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 0x0a;

export interface LogLimits {
  /** Bytes at which a file is set aside; 0: never. */
  maxBytes: number;
  /** Files that are kept, the current one included. */
  maxFiles: number;
}

/**
 * Writes a container's output in Docker's json-file format: one JSON object a line. Whoever follows
 * the log is woken after each write. Not synced: the log survives the daemon, as Docker's does.
 */
export class JsonLogWriter {
  readonly path: string;
  readonly #limits: LogLimits;
  #fd: number;
  #bytes: number;
  #rest: { 1: Uint8Array | undefined; 2: Uint8Array | undefined } = { 1: undefined, 2: undefined };
  /** How often the file was set aside: a follower sees by it that it must open anew. */
  generation = 0;
  closed = false;
  readonly #wakers = new Set<() => void>();

  constructor(path: string, limits: LogLimits) {
    this.path = path;
    this.#limits = limits;
    this.#fd = openSync(path, "a", 0o640);
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Takes output as it comes; keeps an unfinished line until its end. */
  write(stream: 1 | 2, data: Uint8Array): void {
    if (this.closed) return;
    const rest = this.#rest[stream];
    const bytes = rest
      ? Buffer.concat([rest, data])
      : Buffer.from(data.buffer, data.byteOffset, data.length);
    const entries: string[] = [];
    let start = 0;
    const time = formatNs(wallNs());
    while (start < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, start);
      let end = newline < 0 ? bytes.length : newline + 1;
      if (end - start > MAX_LINE_BYTES) end = start + MAX_LINE_BYTES;
      else if (newline < 0) break;
      entries.push(encodeEntry(bytes.subarray(start, end), stream, time));
      start = end;
    }
    this.#rest[stream] = start < bytes.length ? Uint8Array.from(bytes.subarray(start)) : undefined;
    if (entries.length > 0) this.#append(entries);
  }

  /** As dockerd: a file that has reached its limit is set aside before the next line. */
  #append(entries: string[]): void {
    const { maxBytes } = this.#limits;
    let text = "";
    for (const entry of entries) {
      if (maxBytes > 0 && this.#bytes >= maxBytes) {
        this.#put(text);
        text = "";
        this.#rotate();
      }
      text += entry;
      if (maxBytes > 0) this.#bytes += Buffer.byteLength(entry);
    }
    this.#put(text);
    this.#wake();
  }

  #put(text: string): void {
    if (text === "") return;
    try {
      writeSync(this.#fd, text);
    } catch {
      // A full disk loses log lines; the container must not stop for it.
    }
  }

  #rotate(): void {
    closeSync(this.#fd);
    const { maxFiles } = this.#limits;
    if (maxFiles <= 1) rmSync(this.path, { force: true });
    else {
      rmSync(`${this.path}.${maxFiles - 1}`, { force: true });
      for (let n = maxFiles - 2; n >= 0; n--) {
        try {
          renameSync(n === 0 ? this.path : `${this.path}.${n}`, `${this.path}.${n + 1}`);
        } catch {
          // Fewer files than the limit so far.
        }
      }
    }
    this.#fd = openSync(this.path, "a", 0o640);
    this.#bytes = 0;
    this.generation++;
  }

  /** Writes what is left of unfinished lines: the process ended. */
  flush(): void {
    const time = formatNs(wallNs());
    for (const stream of [1, 2] as const) {
      const rest = this.#rest[stream];
      this.#rest[stream] = undefined;
      if (rest) this.#append([encodeEntry(rest, stream, time)]);
    }
    this.#wake();
  }

  close(): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    closeSync(this.#fd);
    this.#wake();
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }

  /** Resolves at the next write, rotation or close, or when `signal` aborts. */
  changed(signal?: AbortSignal): Promise<void> {
    if (this.closed || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }
}

const STREAM_NAMES = { 1: "stdout", 2: "stderr" } as const;

function encodeEntry(line: Uint8Array, stream: 1 | 2, time: string): string {
  const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString("utf8");
  return `{"log":${JSON.stringify(text)},"stream":"${STREAM_NAMES[stream]}","time":"${time}"}\n`;
}

const UNITS: Record<string, number> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Reads "10m" as dockerd's options take sizes. Undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const match = text
    .trim()
    .toLowerCase()
    .match(/^([0-9]+(?:\.[0-9]+)?) ?([bkmg]?)(?:i?b)?$/);
  return match ? Math.trunc(Number(match[1]) * UNITS[match[2]!]!) : undefined;
}
