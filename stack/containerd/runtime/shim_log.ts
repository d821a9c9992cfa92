import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import { POLL, poll } from "#lib/linux/descriptor.ts";
import { makeNode } from "#lib/linux/mount.ts";
import type { Log } from "#lib/log/log.ts";
import type { Bundle } from "./bundle.ts";

const S_IFIFO = 0o010000;
/** How often the logs of all shims are looked at. Shims log rarely; their FIFO holds 64 KiB. */
const POLL_MS = 500;
/** Descriptors in one poll(2): the addon's limit. */
const POLL_BATCH = 64;
const READ_BYTES = 16 * 1024;
/** Reads of one FIFO in one round: a shim that floods its log must not stop the others. */
const READS_PER_ROUND = 16;

interface OpenLog {
  fd: number;
  fields: Record<string, string>;
  rest: string;
}

/**
 * Drains the log FIFOs of all shims into our own log. One timer reads all of them without blocking,
 * since a pending read for each would take a thread or a watch of its own. The descriptors are open
 * for writing too, so a shim that restarts finds a reader, and none ever sees an end.
 */
export class ShimLogs {
  readonly #log: Log;
  readonly #open = new Map<string, OpenLog>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Makes the bundle's `log` FIFO, if need be, and drains it until `close`. */
  open(bundle: Bundle): void {
    const path = join(bundle.path, "log");
    if (this.#open.has(path)) return;
    try {
      makeFifo(path);
      const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      const fields = { namespace: bundle.namespace, id: bundle.id };
      this.#open.set(path, { fd, fields, rest: "" });
    } catch (error) {
      throw toChainError(error, "containerd", "shim.log").wrap({
        layer: "containerd",
        op: "shim.start",
        code: "unknown",
        message: "open shim log pipe",
      });
    }
    this.#timer ??= setInterval(() => this.#drainAll(), POLL_MS);
  }

  /** Reads what is left, and lets go. */
  close(bundle: Bundle): void {
    const path = join(bundle.path, "log");
    const log = this.#open.get(path);
    if (!log) return;
    this.#drain(log);
    closeSync(log.fd);
    this.#open.delete(path);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  closeAll(): void {
    clearInterval(this.#timer);
    for (const log of this.#open.values()) closeSync(log.fd);
    this.#open.clear();
  }

  #drainAll(): void {
    const logs = [...this.#open.values()];
    for (let at = 0; at < logs.length; at += POLL_BATCH) {
      const batch = logs.slice(at, at + POLL_BATCH);
      const found = poll(
        batch.flatMap(({ fd }) => [fd, POLL.IN]),
        0,
      );
      for (const [index, log] of batch.entries()) {
        if ((found[index] ?? 0) & POLL.IN) this.#drain(log);
      }
    }
  }

  #drain(log: OpenLog): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let count = 0; count < READS_PER_ROUND; count++) {
      let length: number;
      try {
        length = readSync(log.fd, buffer);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
          this.#log.warn("read shim log", { ...log.fields, error: String(error) });
        }
        return;
      }
      if (length === 0) return;
      this.#write(log, buffer.toString("utf8", 0, length));
    }
  }

  #write(log: OpenLog, text: string): void {
    const lines = (log.rest + text).split("\n");
    log.rest = (lines.pop() ?? "").slice(-READ_BYTES);
    for (const line of lines) {
      if (line !== "") this.#log.info("shim", { ...log.fields, line });
    }
  }
}

function makeFifo(path: string): void {
  try {
    makeNode(path, S_IFIFO | 0o700, 0, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
