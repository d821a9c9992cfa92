import { readdirSync } from "node:fs";
import { HeldNumbers, lookQuick, type QuickLook, readQuick } from "#lib/linux/quick_file.ts";

/** Counters are a few bytes; a process list of a large container may be long. */
const BUFFER_BYTES = 256 * 1024;
const ZERO = 48;
const NINE = 57;
const MINUS = 45;
/** Links of a folder that has no folders. */
const NO_FOLDERS = 2;

/**
 * Reading counters thousands of times a second, into a buffer that is used again. `prefix` lets a
 * test put a host in a folder. Nothing throws: cgroups and processes vanish while they are read.
 */
export class QuickFiles {
  readonly #prefix: string;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  /** The text of a file of /proc or of a cgroup, at most 256 KiB of it. Undefined when gone. */
  text(path: string): string | undefined {
    const length = readQuick(this.#prefix + path, this.#buffer);
    return length === undefined ? undefined : this.#buffer.toString("utf8", 0, length);
  }

  /** A file that holds one number. Undefined when it is gone or says "max". */
  number(path: string): number | undefined {
    const length = readQuick(this.#prefix + path, this.#buffer) ?? 0;
    const first = this.#buffer[0] === MINUS ? 1 : 0;
    let at = first;
    let value = 0;
    for (; at < length; at++) {
      const digit = this.#buffer[at]!;
      if (digit < ZERO || digit > NINE) break;
      value = value * 10 + (digit - ZERO);
    }
    if (at === first || length === 0) return undefined;
    return first === 0 ? value : -value;
  }

  /** Counters that will be read often; whoever holds them closes them. */
  held(files: readonly { path: string; skip?: number }[]): HeldNumbers {
    return new HeldNumbers(
      files.map(({ path, ...rest }) => ({ path: this.#prefix + path, ...rest })),
    );
  }

  /** Size, links and time of a file or folder. Undefined when it is gone. */
  look(path: string): QuickLook | undefined {
    return lookQuick(this.#prefix + path);
  }

  /** Names of the folders in a folder. */
  folders(path: string): string[] {
    try {
      const entries = readdirSync(this.#prefix + path, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    } catch {
      return [];
    }
  }

  /** Names of the cgroups in a cgroup: mostly there are none, which the count of links tells. */
  cgroups(path: string): string[] {
    // Only the kernel's own file systems are certain to count them.
    if (this.#prefix === "" && this.look(path)?.links === NO_FOLDERS) return [];
    return this.folders(path);
  }

  /** How many descriptors a process has open; 0 when it is gone. */
  descriptors(pid: string): number {
    const path = `/proc/${pid}/fd`;
    // Since Linux 6.2 the folder's size tells, in /proc itself; before, the names are counted.
    const told = this.#prefix === "" ? (this.look(path)?.size ?? 0) : 0;
    if (told > 0) return told;
    try {
      return readdirSync(this.#prefix + path).length;
    } catch {
      return 0;
    }
  }
}

/** The value of one key in lines of "key value". */
export function valueFor(text: string | undefined, key: string): number | undefined {
  if (text === undefined) return undefined;
  let at = text.startsWith(`${key} `) ? 0 : text.indexOf(`\n${key} `);
  if (at < 0) return undefined;
  if (at > 0) at += 1;
  const value = Number.parseInt(text.slice(at + key.length + 1, at + key.length + 25), 10);
  return Number.isNaN(value) ? undefined : value;
}
