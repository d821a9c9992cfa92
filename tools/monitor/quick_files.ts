import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";

import { HeldNumber } from "./held_number.ts";

/** Counters are a few bytes; a process list of a large container may be long. */
const BUFFER_BYTES = 256 * 1024;

/**
 * Reading counters thousands of times a second: one open, one read, one close, into a buffer that
 * is used again. `prefix` lets a test put a host in a folder. Nothing throws: cgroups and processes
 * vanish while they are read.
 */
export class QuickFiles {
  readonly #prefix: string;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  /** The text of a file of /proc or of a cgroup, at most 256 KiB of it. Undefined when gone. */
  text(path: string): string | undefined {
    let fd: number;
    try {
      fd = openSync(this.#prefix + path, "r");
    } catch {
      return undefined;
    }
    try {
      const length = readSync(fd, this.#buffer, 0, BUFFER_BYTES, 0);
      return this.#buffer.toString("utf8", 0, length);
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** A file that holds one number. Undefined when it is gone or says "max". */
  number(path: string): number | undefined {
    const text = this.text(path);
    if (text === undefined) return undefined;
    const value = Number.parseInt(text, 10);
    return Number.isNaN(value) ? undefined : value;
  }

  /** A counter that will be read often; whoever holds it closes it. */
  held(path: string, skip = 0): HeldNumber {
    return new HeldNumber(this.#prefix + path, skip, this.#buffer);
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

  /** How many descriptors a process has open; 0 when it is gone. */
  descriptors(pid: string): number {
    const path = `${this.#prefix}/proc/${pid}/fd`;
    try {
      // Since Linux 6.2 the folder's size tells, in /proc itself; before, the names are counted.
      const told = this.#prefix === "" ? statSync(path).size : 0;
      return told || readdirSync(path).length;
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
