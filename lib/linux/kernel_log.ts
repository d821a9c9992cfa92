import { closeSync, constants, openSync, readSync } from "node:fs";
import { uptime } from "node:os";

/** A record of the kernel's log is at most this long; a shorter buffer would be refused. */
const RECORD_BYTES = 8192;
const MAX_RECORDS = 20_000;

/**
 * The records of the kernel's log since `sinceMs` that hold `word`, oldest first; none where it may
 * not be read. The log is a ring: that something is not in it says nothing.
 */
export function kernelLogWith(word: string, sinceMs: number): string[] {
  const out: string[] = [];
  const bootMs = Date.now() - uptime() * 1000;
  let fd: number;
  try {
    fd = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return out;
  }
  const record = Buffer.alloc(RECORD_BYTES);
  try {
    for (let count = 0; count < MAX_RECORDS; count++) {
      const text = nextRecord(fd, record);
      if (text === undefined) break;
      // "priority,sequence,microseconds since the boot,flags;text"
      const [, , microseconds] = text.split(",", 3);
      if (!text.includes(word) || bootMs + Number(microseconds) / 1000 < sinceMs) continue;
      out.push(text.slice(text.indexOf(";") + 1).split("\n", 1)[0]!);
    }
  } finally {
    closeSync(fd);
  }
  return out;
}

/** One record; undefined at the end (EAGAIN). */
function nextRecord(fd: number, record: Buffer): string | undefined {
  try {
    const got = readSync(fd, record, 0, record.length, null);
    return record.toString("utf8", 0, got);
  } catch (error) {
    // Overwritten while it was read: the next one is there.
    return (error as NodeJS.ErrnoException).code === "EPIPE" ? "" : undefined;
  }
}
