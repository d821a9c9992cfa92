import { closeSync, readSync } from "node:fs";
import { endsWithin } from "#lib/wait/work_within.ts";
import type { InputSink } from "#wire/docker-api/engine.ts";
import {
  type FifoPaths,
  fifoPaths,
  makeFifos,
  openForReading,
  openForWriting,
  removeFifos,
} from "./fifo_set.ts";
import type { OutputHub } from "./output_hub.ts";

/** Sees every piece of output before attached clients do: the container's log. */
export type OutputTap = (stream: 1 | 2, data: Uint8Array) => void;

/** How long after the exit the rest of the output is waited for. */
const DRAIN_MS = 2000;

/**
 * The standard streams of one process: its FIFOs, the pumps that empty them, and who listens.
 * Output flows whether or not anyone is attached, so the process never blocks on a lost client.
 */
export class ProcessIo {
  readonly hub: OutputHub;
  readonly paths: FifoPaths;
  readonly #folder: string;
  readonly #tap: OutputTap | undefined;
  readonly #holders: number[] = [];
  readonly #readers: { fd: number; cancel(): void; done: Promise<void> }[] = [];
  #stdin: { fd: number; sink: Bun.FileSink } | undefined;
  #closed = false;

  private constructor(folder: string, paths: FifoPaths, hub: OutputHub, tap?: OutputTap) {
    this.#folder = folder;
    this.paths = paths;
    this.hub = hub;
    this.#tap = tap;
  }

  /** Makes the FIFOs and starts to read. `tap` sees the output; `hub` may already have readers. */
  static create(
    folder: string,
    wanted: { stdin: boolean; terminal: boolean },
    hub: OutputHub,
    tap?: OutputTap,
  ): ProcessIo {
    const paths = fifoPaths(folder, wanted);
    makeFifos(folder, paths);
    return ProcessIo.#opened(new ProcessIo(folder, paths, hub, tap));
  }

  /** Opens the FIFOs of a process that was started by an earlier life of this daemon. */
  static reopen(folder: string, paths: FifoPaths, hub: OutputHub, tap?: OutputTap): ProcessIo {
    const io = ProcessIo.#opened(new ProcessIo(folder, paths, hub, tap));
    io.releaseHolders();
    return io;
  }

  static #opened(io: ProcessIo): ProcessIo {
    try {
      io.#open();
      return io;
    } catch (error) {
      io.close();
      throw error;
    }
  }

  #open(): void {
    this.#read(1, this.paths.stdout);
    if (this.paths.stderr !== "") this.#read(2, this.paths.stderr);
    if (this.paths.stdin === "") return;
    const fd = openForWriting(this.paths.stdin);
    this.#stdin = { fd, sink: Bun.file(fd).writer() };
  }

  #read(stream: 1 | 2, path: string): void {
    const { fd, holder } = openForReading(path);
    this.#holders.push(holder);
    const reader = Bun.file(fd).stream().getReader();
    const pump = async () => {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          this.#tap?.(stream, value);
          const slow = this.hub.push({ stream, data: value });
          if (slow) await slow;
        }
      } finally {
        closeSync(fd);
      }
    };
    const done = pump().catch(() => undefined);
    this.#readers.push({ fd, cancel: () => void reader.cancel(), done });
  }

  /** The shim has opened its ends: from now on the end of file is the process's. */
  releaseHolders(): void {
    for (const fd of this.#holders.splice(0)) closeSync(fd);
  }

  get hasStdin(): boolean {
    return this.#stdin !== undefined;
  }

  /** Writes input; resolves when the FIFO took it. What comes after the end is dropped. */
  async write(data: Uint8Array): Promise<void> {
    if (!this.#stdin) return;
    await this.#stdin.sink.write(data);
    await this.#stdin?.sink.flush();
  }

  /** Closes our end of the input. The shim's own end is closed by CloseIO. */
  async endInput(): Promise<void> {
    const stdin = this.#stdin;
    if (!stdin) return;
    this.#stdin = undefined;
    try {
      // The sink has a descriptor of its own, which only its end closes.
      await stdin.sink.end();
    } finally {
      closeSync(stdin.fd);
    }
  }

  /** Nobody will read the input any more: what waits in the FIFO goes, so that the sink can end. */
  #dropInput(): void {
    const fd = this.#stdin?.fd;
    const done = this.endInput().catch(() => undefined);
    if (fd === undefined) return;
    const buffer = Buffer.alloc(64 * 1024);
    const drain = () => {
      try {
        while (readSync(fd, buffer, 0, buffer.length, null) > 0);
      } catch {
        // Empty, or closed.
      }
    };
    drain();
    const timer = setInterval(drain, 10);
    void done.finally(() => clearInterval(timer));
  }

  /** Resolves when all output was read, or after a time-out when someone holds the FIFO open. */
  async drained(): Promise<void> {
    this.releaseHolders();
    await endsWithin(Promise.all(this.#readers.map((reader) => reader.done)), DRAIN_MS);
  }

  /** Ends everything and removes the FIFOs. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.detach();
    removeFifos(this.#folder);
  }

  /** Lets go of the FIFOs but leaves them in place, for the next life of this daemon. */
  detach(): void {
    this.releaseHolders();
    for (const reader of this.#readers) reader.cancel();
    this.#dropInput();
  }
}

/** A client's input into a process, with `ended` told when the client is done. */
export function inputSink(io: ProcessIo, ended: () => Promise<void>): InputSink {
  return { write: (data) => io.write(data), end: ended };
}
