import { invalid } from "../refusals.ts";

const BLOCK = 512;
/** Extended headers are small; a larger one is an attack on memory. */
const MAX_PAX_BYTES = 1024 * 1024;

/**
 * Walks a tar as it streams by, block by block, and refuses what is damaged or cut short, before
 * anything of it is kept. Contents are not looked at.
 */
export class TarWalk {
  #block: Buffer = Buffer.alloc(0);
  /** Content and padding still to pass before the next header. */
  #skip = 0;
  #pax: Buffer[] | undefined;
  #paxLeft = 0;
  /** Size of the next entry, as an extended header gives it. */
  #nextSize: number | undefined;
  #ended = false;
  entries = 0;

  push(data: Uint8Array): void {
    let at = 0;
    while (at < data.length && !this.#ended) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, data.length - at);
        this.#takePax(data.subarray(at, at + step));
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#finishPax();
        continue;
      }
      const step = Math.min(BLOCK - this.#block.length, data.length - at);
      this.#block = Buffer.concat([this.#block, data.subarray(at, at + step)]);
      at += step;
      if (this.#block.length === BLOCK) {
        this.#header(this.#block);
        this.#block = Buffer.alloc(0);
      }
    }
  }

  /** Call at the end of the stream. */
  end(): void {
    if (this.#ended) return;
    if (this.#skip > 0 || this.#block.length > 0) throw broken("unexpected EOF");
  }

  #header(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    checkSum(block);
    const type = String.fromCharCode(block[156]!);
    const given = readNumber(block.subarray(124, 136));
    const size = type === "x" || type === "g" ? given : (this.#nextSize ?? given);
    if (!Number.isSafeInteger(size) || size < 0) throw broken("invalid tar header");
    if (type === "x") {
      if (size > MAX_PAX_BYTES) throw broken("invalid tar header");
      this.#pax = [];
      this.#paxLeft = size;
    } else if (type !== "g" && type !== "L" && type !== "K") {
      this.#nextSize = undefined;
      this.entries++;
    }
    // Links, devices and folders have no content whatever their header says.
    const hasContent = !"123456".includes(type);
    this.#skip = hasContent ? Math.ceil(size / BLOCK) * BLOCK : 0;
  }

  #takePax(data: Uint8Array): void {
    if (!this.#pax || this.#paxLeft === 0) return;
    const part = data.subarray(0, this.#paxLeft);
    this.#pax.push(Buffer.from(part));
    this.#paxLeft -= part.length;
  }

  #finishPax(): void {
    if (!this.#pax) return;
    const match = Buffer.concat(this.#pax)
      .toString("latin1")
      .match(/(?:^|\n)[0-9]+ size=([0-9]+)\n/);
    if (match) this.#nextSize = Number(match[1]);
    this.#pax = undefined;
  }
}

const broken = (reason: string) => invalid("read tar", `Error processing tar file: ${reason}`);

/** Octal text, or base 256 when the first bit is set. */
function readNumber(field: Buffer): number {
  if ((field[0]! & 0x80) !== 0) {
    let value = field[0]! & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const text = field
    .toString("latin1")
    .replace(/[\0 ]+$/g, "")
    .trim();
  if (text === "") return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** The sum of all bytes, with the field itself read as spaces; old tars sum signed bytes. */
function checkSum(block: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const given = readNumber(block.subarray(148, 156));
  if (given !== unsigned && given !== signed) throw broken("archive/tar: invalid tar header");
}
