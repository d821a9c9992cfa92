import { open } from "node:fs/promises";
import { parseLogLine } from "./log_line.ts";

export interface LogRequest {
  path: string;
  /** The last so many lines; undefined for all. */
  tailLines?: number;
  /** Milliseconds since 1970; older lines are left out. */
  sinceMs?: number;
  timestamps: boolean;
  limitBytes?: number;
  /** Waits for more while this returns true. */
  follows: () => boolean;
  signal: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;
/** A tail is looked for in as much of the log's end. */
const TAIL_WINDOW_BYTES = 16 * 1024 * 1024;
const POLL_MS = 250;
/** A line longer than this is given out in parts. */
const MAX_LINE_BYTES = 1024 * 1024;

/** The text of a container's log, as it comes, to its end or until nothing follows any more. */
export async function* readLog(request: LogRequest): AsyncGenerator<string> {
  let left = request.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const line of tailed(request)) {
    const entry = parseLogLine(line);
    if (!entry) continue;
    if (request.sinceMs !== undefined && Date.parse(entry.time) < request.sinceMs) continue;
    const text = request.timestamps ? `${entry.time} ${entry.text}` : entry.text;
    const bytes = Buffer.from(text);
    yield bytes.length > left ? bytes.subarray(0, left).toString("utf8") : text;
    left -= bytes.length;
    if (left <= 0) return;
  }
}

async function* tailed(request: LogRequest): AsyncGenerator<string> {
  const file = await open(request.path, "r");
  try {
    const { size } = await file.stat();
    const tail = request.tailLines;
    const from = tail === undefined ? 0 : Math.max(0, size - TAIL_WINDOW_BYTES);
    const reader = new LineReader(file, from);
    const last: string[] = [];
    for await (const line of reader.lines()) {
      if (tail === undefined) yield line;
      else if (last.push(line) > tail) last.shift();
    }
    yield* last;
    while (!request.signal.aborted) {
      // Asked before the last look, so that what came before the end is not missed.
      const more = request.follows();
      yield* reader.lines();
      if (!more) return;
      await Bun.sleep(POLL_MS);
    }
  } finally {
    await file.close();
  }
}

class LineReader {
  readonly #file: Awaited<ReturnType<typeof open>>;
  #at: number;
  #rest = Buffer.alloc(0);

  constructor(file: Awaited<ReturnType<typeof open>>, from: number) {
    this.#file = file;
    this.#at = from;
  }

  /** The whole lines that are there now. */
  async *lines(): AsyncGenerator<string> {
    for (;;) {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await this.#file.read(buffer, 0, CHUNK_BYTES, this.#at);
      if (bytesRead === 0) return;
      this.#at += bytesRead;
      let data = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      for (;;) {
        const end = data.indexOf(10);
        if (end < 0 && data.length <= MAX_LINE_BYTES) break;
        const cut = end < 0 ? MAX_LINE_BYTES : end;
        yield data.subarray(0, cut).toString("utf8");
        data = data.subarray(end < 0 ? cut : cut + 1);
      }
      this.#rest = Buffer.from(data);
    }
  }
}
