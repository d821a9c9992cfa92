import { notFound } from "../refusals.ts";
import type { ExecProcess } from "./exec_process.ts";

/** How long an exec that has ended can still be inspected: dockerd's five minutes. */
const KEEP_MS = 5 * 60 * 1000;
/** Beyond this many, those that ended go at once, oldest first. */
const MAX_ENDED = 4096;

/** All execs of this daemon, by id. */
export class ExecStore {
  readonly #byId = new Map<string, ExecProcess>();
  #ended: ExecProcess[] = [];

  add(exec: ExecProcess): void {
    this.#sweep();
    this.#byId.set(exec.request.id, exec);
  }

  get(id: string): ExecProcess | undefined {
    return this.#byId.get(id);
  }

  find(id: string): ExecProcess {
    const exec = this.#byId.get(id);
    if (!exec) throw notFound("find exec", `No such exec instance: ${id}`);
    return exec;
  }

  /** The exec has ended: it is forgotten after a while. */
  ended(exec: ExecProcess): void {
    this.#ended.push(exec);
  }

  /** The container is gone, and its execs with it. */
  remove(exec: ExecProcess): void {
    this.#byId.delete(exec.request.id);
  }

  #sweep(): void {
    const limit = Date.now() - KEEP_MS;
    let drop = Math.max(0, this.#ended.length - MAX_ENDED);
    while (drop < this.#ended.length && (this.#ended[drop]!.endedAt ?? 0) < limit) drop++;
    for (const exec of this.#ended.splice(0, drop)) this.remove(exec);
  }
}
