import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** The name by which containerd knows this shim. */
const RUNTIME = "io.containerd.catena.v2";
const { O_WRONLY, O_NONBLOCK } = constants;

/**
 * The shim's log: lines into the FIFO that containerd reads from a bundle. Bundles come and go
 * under one shim, so it moves on to the next one whose reader lives. A line that nobody takes is
 * dropped: a log must never hold up a container.
 */
export class ShimLog {
  readonly #debug: boolean;
  readonly #bundles = new Set<string>();
  #fd: number | undefined;

  constructor(debug: boolean) {
    this.#debug = debug;
  }

  /** A bundle whose log may be written to from now on. */
  addBundle(bundle: string): void {
    this.#bundles.add(bundle);
  }

  removeBundle(bundle: string): void {
    this.#bundles.delete(bundle);
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    if (this.#debug) this.#write("debug", message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write("warning", message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#write("error", message, fields);
  }

  #write(level: string, message: string, fields: Record<string, unknown> = {}): void {
    const time = new Date().toISOString();
    let line = `time="${time}" level=${level} msg=${JSON.stringify(message)} runtime=${RUNTIME}`;
    for (const [key, value] of Object.entries(fields)) {
      line += ` ${key}=${JSON.stringify(String(value))}`;
    }
    const bytes = Buffer.from(`${line}\n`);
    if (this.#tryWrite(bytes)) return;
    for (const bundle of this.#bundles) {
      this.#reopen(bundle);
      if (this.#tryWrite(bytes)) return;
    }
  }

  #tryWrite(bytes: Buffer): boolean {
    if (this.#fd === undefined) return false;
    try {
      writeSync(this.#fd, bytes);
      return true;
    } catch (thrown) {
      // Full is not broken: the line is lost, the reader is only slow.
      return (thrown as { code?: string }).code === "EAGAIN";
    }
  }

  #reopen(bundle: string): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    try {
      this.#fd = openSync(join(bundle, "log"), O_WRONLY | O_NONBLOCK);
    } catch {
      // Nobody reads there.
    }
  }
}
