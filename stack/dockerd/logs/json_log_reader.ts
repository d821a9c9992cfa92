import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import type { OutputChunk } from "#wire/docker-api/engine.ts";
import { parseTimeNs } from "../wall_clock.ts";
import type { JsonLogWriter } from "./json_log_writer.ts";

const READ_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** Longest line that a log can hold: a piece of output, escaped. */
const MAX_ENTRY_BYTES = 1024 * 1024;
/** Most files that rotation keeps. */
const MAX_FILES = 1000;

export interface LogQuery {
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  tail?: number;
  sinceNs?: bigint;
  untilNs?: bigint;
  /** Follow this writer until it is closed. Absent: read what there is. */
  follow?: JsonLogWriter;
  /** Put before each line: labels and environment that the log options ask for. */
  prefix: string;
  signal?: AbortSignal;
}

interface LogEntry {
  stream: 1 | 2;
  timeText: string;
  timeNs: bigint;
  text: string;
}

/** A log file's lines from an offset on; `offset` tells where the next reading starts. */
class LogFile {
  readonly fd: number;
  offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.fd = openSync(path, "r");
  }

  /** The next whole lines; empty at the (present) end. */
  nextLines(): string[] {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const bytes = readSync(this.fd, buffer, 0, READ_BYTES, this.offset);
      if (bytes === 0) return [];
      this.offset += bytes;
      const data = Buffer.concat([this.#rest, buffer.subarray(0, bytes)]);
      const end = data.lastIndexOf(NEWLINE);
      if (end < 0) {
        // A line without end is damage: it is dropped rather than gathered for ever.
        this.#rest = data.length > MAX_ENTRY_BYTES ? Buffer.alloc(0) : data;
        continue;
      }
      this.#rest = Buffer.from(data.subarray(end + 1));
      return data.toString("utf8", 0, end).split("\n");
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

function parseEntry(line: string): LogEntry | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as Record<string, unknown>;
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    const timeNs = parseTimeNs(time);
    if (timeNs === undefined) return undefined;
    return { stream: stream === "stderr" ? 2 : 1, timeText: time, timeNs, text: log };
  } catch {
    // A line torn by a crash.
    return undefined;
  }
}

/** A container's log files, oldest first. */
export function logFiles(path: string): string[] {
  const files = existsSync(path) ? [path] : [];
  for (let n = 1; n < MAX_FILES && existsSync(`${path}.${n}`); n++) files.unshift(`${path}.${n}`);
  return files;
}

/** Reads a container's log as `docker logs` shows it. */
export async function* readLog(path: string, query: LogQuery): AsyncIterable<OutputChunk> {
  const generation = query.follow?.generation ?? 0;
  const files = logFiles(path);
  const older = files.slice(0, -1);
  const current = files.at(-1) === path ? new LogFile(path) : undefined;
  try {
    if (query.tail !== undefined) yield* tailEntries(older, current, query);
    else {
      for (const file of older) yield* wholeFile(file, query);
      if (current) yield* restOf(current, query);
    }
    if (current && query.follow) yield* followEntries(current, query.follow, generation, query);
  } finally {
    current?.close();
  }
}

function* wholeFile(path: string, query: LogQuery): Iterable<OutputChunk> {
  const file = new LogFile(path);
  try {
    yield* restOf(file, query);
  } finally {
    file.close();
  }
}

function* restOf(file: LogFile, query: LogQuery): Iterable<OutputChunk> {
  for (;;) {
    const lines = file.nextLines();
    if (lines.length === 0) return;
    for (const line of lines) {
      const chunk = show(parseEntry(line), query);
      if (chunk) yield chunk;
    }
  }
}

/** The last lines, whatever their stream: dockerd counts first and filters then. */
function* tailEntries(
  older: string[],
  current: LogFile | undefined,
  query: LogQuery,
): Iterable<OutputChunk> {
  const wanted = query.tail!;
  let kept: string[] = [];
  const keep = (lines: string[]) => {
    kept = kept.concat(lines);
    if (kept.length > wanted + 4096) kept = kept.slice(-wanted || kept.length);
  };
  const start = current ? tailStart(current, wanted) : { offset: 0, found: 0 };
  if (start.found < wanted) {
    for (const path of older) {
      const file = new LogFile(path);
      try {
        for (let lines = file.nextLines(); lines.length > 0; lines = file.nextLines()) keep(lines);
      } finally {
        file.close();
      }
    }
  }
  if (current) {
    current.offset = start.offset;
    for (let lines = current.nextLines(); lines.length > 0; lines = current.nextLines())
      keep(lines);
  }
  for (const line of wanted === 0 ? [] : kept.slice(-wanted)) {
    const chunk = show(parseEntry(line), query);
    if (chunk) yield chunk;
  }
}

/** Where the last `wanted` lines of a file begin, found backwards: logs may be gigabytes long. */
function tailStart(file: LogFile, wanted: number): { offset: number; found: number } {
  const { size } = fstatSync(file.fd);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - READ_BYTES);
    const bytes = readSync(file.fd, buffer, 0, end - start, start);
    for (let at = bytes - 1; at >= 0; at--) {
      if (buffer[at] !== NEWLINE || start + at === size - 1) continue;
      found++;
      if (found >= wanted) return { offset: start + at + 1, found };
    }
    end = start;
  }
  return { offset: 0, found: size > 0 ? found + 1 : 0 };
}

async function* followEntries(
  file: LogFile,
  writer: JsonLogWriter,
  startGeneration: number,
  query: LogQuery,
): AsyncIterable<OutputChunk> {
  let current = file;
  let generation = startGeneration;
  try {
    while (!query.signal?.aborted) {
      const closed = writer.closed;
      const changed = writer.changed(query.signal);
      yield* restOf(current, query);
      if (writer.generation !== generation) {
        if (current !== file) current.close();
        generation = writer.generation;
        current = new LogFile(writer.path);
        continue;
      }
      if (closed) return;
      if (query.untilNs !== undefined && BigInt(Date.now()) * 1_000_000n > query.untilNs) return;
      await changed;
    }
  } finally {
    if (current !== file) current.close();
  }
}

/** An entry as it is sent; undefined when the query leaves it out. */
function show(entry: LogEntry | undefined, query: LogQuery): OutputChunk | undefined {
  if (!entry) return undefined;
  if (entry.stream === 1 ? !query.stdout : !query.stderr) return undefined;
  if (query.sinceNs !== undefined && entry.timeNs < query.sinceNs) return undefined;
  if (query.untilNs !== undefined && entry.timeNs > query.untilNs) return undefined;
  const stamp = query.timestamps ? `${padded(entry.timeText)} ` : "";
  return { stream: entry.stream, data: Buffer.from(`${stamp}${query.prefix}${entry.text}`) };
}

/** Shown times always have nine digits, so that columns line up. */
function padded(time: string): string {
  const [whole = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${whole}.${fraction.padEnd(9, "0")}Z`;
}
