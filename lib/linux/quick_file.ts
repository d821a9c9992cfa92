import { closeFile } from "./file.ts";
import { nativeAddon } from "./native_addon.ts";

interface QuickCalls {
  openQuick(path: string): number;
  readQuick(path: string, bytes: Buffer): number;
  readNumbers(fds: Buffer, skips: Buffer, values: Buffer): number;
  lookQuick(path: string, values: Buffer): number;
}

const calls = () => nativeAddon<QuickCalls>();

/**
 * Reads a small file of the kernel from its start into `bytes`. Returns how much of them is filled,
 * or undefined when the file cannot be read: that is an everyday matter and makes no exception.
 */
export function readQuick(path: string, bytes: Buffer): number | undefined {
  const got = calls().readQuick(path, bytes);
  return got < 0 ? undefined : got;
}

/** What a file's status tells. */
export interface QuickLook {
  /** Bytes; for a folder what its file system says, in /proc/PID/fd the number of descriptors. */
  size: number;
  /** Of a folder of cgroups or of /proc: two more than it has folders. */
  links: number;
  /** The last change of its content, milliseconds since 1970. */
  modifiedMs: number;
}

const lookValues = new Float64Array(3);
const lookBytes = Buffer.from(lookValues.buffer);

/** stat(2). Undefined when that fails. */
export function lookQuick(path: string): QuickLook | undefined {
  if (calls().lookQuick(path, lookBytes) < 0) return undefined;
  const [size, links, modifiedMs] = lookValues as unknown as [number, number, number];
  return { size, links, modifiedMs };
}

/**
 * Counters that are read again and again through descriptors that stay open: all of them with one
 * call, each at a third of the cost of opening it. What they count can be removed all the same;
 * reading then says that it is gone.
 */
export class HeldNumbers {
  readonly #paths: readonly string[];
  readonly #fds: Int32Array;
  readonly #fdBytes: Buffer;
  readonly #skipBytes: Buffer;
  readonly #values: Float64Array;
  readonly #valueBytes: Buffer;

  /** `skip`: characters before the number ("usage_usec "). */
  constructor(files: readonly { path: string; skip?: number }[]) {
    this.#paths = files.map(({ path }) => path);
    this.#fds = new Int32Array(files.length).fill(-1);
    this.#values = new Float64Array(files.length);
    this.#fdBytes = Buffer.from(this.#fds.buffer);
    this.#skipBytes = Buffer.from(Int32Array.from(files, ({ skip = 0 }) => skip).buffer);
    this.#valueBytes = Buffer.from(this.#values.buffer);
  }

  /** The numbers now, in the files' order; -1 for one that is gone. Valid until the next call. */
  read(): Float64Array {
    for (let index = 0; index < this.#fds.length; index++) {
      if (this.#fds[index]! < 0) this.#fds[index] = calls().openQuick(this.#paths[index]!);
    }
    calls().readNumbers(this.#fdBytes, this.#skipBytes, this.#valueBytes);
    for (let index = 0; index < this.#fds.length; index++) {
      if (this.#values[index]! < 0) this.#release(index);
    }
    return this.#values;
  }

  close(): void {
    for (let index = 0; index < this.#fds.length; index++) this.#release(index);
  }

  #release(index: number): void {
    const fd = this.#fds[index]!;
    this.#fds[index] = -1;
    if (fd >= 0) closeFile(fd);
  }
}
