import type { OutputChunk } from "#wire/docker-api/engine.ts";

/** As containerd's CRI: what goes beyond is read and dropped, the process is not held up by it. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Collects what a process writes, each stream up to a limit. */
export class ExecOutput {
  readonly #pieces: Record<1 | 2, Uint8Array[]> = { 1: [], 2: [] };
  readonly #bytes: Record<1 | 2, number> = { 1: 0, 2: 0 };

  add({ stream, data }: OutputChunk): void {
    const room = MAX_BYTES - this.#bytes[stream];
    if (room <= 0) return;
    const piece = data.length > room ? data.subarray(0, room) : data;
    this.#pieces[stream].push(Uint8Array.from(piece));
    this.#bytes[stream] += piece.length;
  }

  get stdout(): Uint8Array {
    return Buffer.concat(this.#pieces[1]);
  }

  get stderr(): Uint8Array {
    return Buffer.concat(this.#pieces[2]);
  }

  /** Both, as text on one line, for an error's message. */
  get text(): string {
    return Buffer.concat([this.stdout, this.stderr]).toString("utf8").trim();
  }
}
