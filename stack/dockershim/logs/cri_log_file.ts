import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { LogEntry } from "./log_entry.ts";

const STREAM_NAMES = { 1: "stdout", 2: "stderr" } as const;
/** Enough for the last lines of a log: pieces are 16 KiB each. */
const TAIL_BYTES = 256 * 1024;
const MODE = 0o640;

/** How far a log has been written: entries up to `time`, of which `count` bear that very time. */
export interface LogPosition {
  time: string;
  count: number;
}

/**
 * A container's log in the CRI's format, `TIME stream P|F text` a line. The kubelet renames the
 * file to rotate it and then asks for a new one under the old name.
 */
export class CriLogFile {
  readonly path: string;
  #fd: number;

  /** Opens or makes the file, and the folder that it lies in. */
  constructor(path: string) {
    this.path = path;
    this.#fd = open(path);
  }

  /** Appends entries, in one write. */
  write(entries: readonly LogEntry[]): void {
    if (entries.length === 0) return;
    const pieces: Uint8Array[] = [];
    for (const { time, stream, text, partial } of entries) {
      pieces.push(Buffer.from(`${time} ${STREAM_NAMES[stream]} ${partial ? "P" : "F"} `));
      pieces.push(text, Buffer.from("\n"));
    }
    const data = Buffer.concat(pieces);
    let at = 0;
    while (at < data.length) at += writeSync(this.#fd, data, at);
  }

  /** Goes on in a new file under the same name. */
  reopen(): void {
    const next = open(this.path);
    closeSync(this.#fd);
    this.#fd = next;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function open(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  return openSync(path, "a", MODE);
}

/** Where a log that was written before ends; undefined when it is empty or missing. */
export function logPosition(path: string): LogPosition | undefined {
  const lines = tailLines(path);
  const time = lines.at(-1)?.split(" ", 1)[0];
  if (!time) return undefined;
  let count = 0;
  for (const line of lines.reverse()) {
    if (!line.startsWith(`${time} `)) break;
    count++;
  }
  return { time, count };
}

function tailLines(path: string): string[] {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const from = size - bytes.length;
    const got = readSync(fd, bytes, 0, bytes.length, from);
    const lines = bytes.toString("latin1", 0, got).split("\n");
    // The first may be cut, the last is what follows the last newline.
    return lines.slice(from > 0 ? 1 : 0, -1);
  } finally {
    closeSync(fd);
  }
}
