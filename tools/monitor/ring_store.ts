import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { deflateRawSync, inflateRawSync } from "node:zlib";

/** Segments are whole files that age out; a day is 48 of them. */
const SEGMENT_MS = 30 * 60_000;
const KEEP_MS = 24 * 3600_000;
/** Length and CRC-32 of the block behind it. */
const HEADER_BYTES = 8;
/** No block of 5000 containers is near this; a torn or foreign file must not ask for more. */
const MAX_BLOCK_BYTES = 8 * 1024 * 1024;
const DEFAULT_MAX_BYTES = 48 * 1024 * 1024;
const NAME = /^([0-9]{10,16})\.ring$/;

/** A ring of samples on disk. */
export interface RingOptions {
  folder: string;
  /** All segments together; the oldest go first. */
  maxBytes?: number;
}

/**
 * A day of samples on disk, in files of half an hour each. A block is appended with one write and
 * carries its length and checksum, so a reader never takes a torn one for whole; whole files are
 * removed when they are a day old or all of them are too large.
 */
export class RingStore<Block> {
  readonly #folder: string;
  readonly #maxBytes: number;
  /** The segment that this process has begun to write. */
  #current = 0;

  constructor(options: RingOptions) {
    this.#folder = options.folder;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** Appends one block. Throws when the disk refuses. */
  append(timeMs: number, block: Block): void {
    const body = deflateRawSync(Buffer.from(JSON.stringify(block)), { level: 6 });
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(body.length, 0);
    header.writeUInt32LE(Bun.hash.crc32(body), 4);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const start = timeMs - (timeMs % SEGMENT_MS);
    const path = join(this.#folder, `${start}.ring`);
    if (start !== this.#current) {
      this.#current = start;
      cutTornEnd(path);
      this.#age(timeMs);
    }
    appendFileSync(path, Buffer.concat([header, body]), { mode: 0o600 });
    this.#shrink();
  }

  /**
   * The blocks since a moment, oldest first; of them one in `every`. Torn ones and what follows
   * them are left out. Lets others have their turn after each file: a day takes a second to read.
   */
  async *read(sinceMs: number, every = 1): AsyncGenerator<Block> {
    let place = 0;
    for (const start of this.#segments()) {
      if (start + SEGMENT_MS <= sinceMs) continue;
      let bytes: Buffer;
      try {
        bytes = readFileSync(join(this.#folder, `${start}.ring`));
      } catch {
        // It aged out meanwhile.
        continue;
      }
      for (const { body } of wholeBlocks(bytes)) {
        if (place++ % every === 0) yield parseBlock<Block>(body);
      }
      await Bun.sleep(0);
    }
  }

  #segments(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return [];
    }
    const starts = names.flatMap((name) => {
      const match = NAME.exec(name);
      return match ? [Number(match[1])] : [];
    });
    return starts.sort((left, right) => left - right);
  }

  #age(nowMs: number): void {
    for (const start of this.#segments()) {
      if (start + SEGMENT_MS < nowMs - KEEP_MS) this.#remove(start);
    }
  }

  #shrink(): void {
    const sizes = this.#segments().map((start) => ({ start, bytes: this.#size(start) }));
    let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
    // The newest stays: it is being written.
    for (const { start, bytes } of sizes.slice(0, -1)) {
      if (total <= this.#maxBytes) return;
      this.#remove(start);
      total -= bytes;
    }
  }

  #size(start: number): number {
    try {
      return statSync(join(this.#folder, `${start}.ring`)).size;
    } catch {
      return 0;
    }
  }

  #remove(start: number): void {
    rmSync(join(this.#folder, `${start}.ring`), { force: true });
  }
}

/** A writer that died in a write leaves half a block; nothing behind it could be read. */
function cutTornEnd(path: string): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return;
  }
  const end = [...wholeBlocks(bytes)].at(-1)?.end ?? 0;
  if (end < bytes.length) truncateSync(path, end);
}

function* wholeBlocks(bytes: Buffer): Generator<{ body: Buffer; end: number }> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEADER_BYTES + length;
    if (length > MAX_BLOCK_BYTES || end > bytes.length) return;
    const body = bytes.subarray(at + HEADER_BYTES, end);
    if (Bun.hash.crc32(body) !== bytes.readUInt32LE(at + 4)) return;
    yield { body, end };
    at = end;
  }
}

function parseBlock<Block>(body: Buffer): Block {
  const text = inflateRawSync(body, { maxOutputLength: MAX_BLOCK_BYTES * 8 }).toString();
  return JSON.parse(text) as Block;
}
