import type { KeptProcess } from "../keeping/keeper_protocol.ts";
import type { Stdio } from "../stdio/open_streams.ts";
import { type ExecState, execMayBecome } from "./exec_state.ts";
import { type InitState, initMayBecome } from "./init_state.ts";
import { SerialQueue } from "./serial_queue.ts";

export interface ProcessExit {
  /** The exit code, or 128 + signal. */
  status: number;
  /** Nanoseconds since 1970; 0 when the process never ran. */
  atNs: bigint;
}

/** The token of a container's init with its keeper; execs count on from there. */
export const INIT_TOKEN = 1;

/** One process of a container: its init, or one that an exec added. */
export class TaskProcess<S extends InitState | ExecState = InitState | ExecState> {
  readonly token: number;
  /** Empty for the init. */
  readonly execId: string;
  readonly stdio: Stdio;
  /** Requests that change this process, one at a time. */
  readonly queue = new SerialQueue();
  /** 0 until it runs. */
  pid = 0;
  exit: ProcessExit | undefined;
  /** Its stdin was let go before it was started. */
  stdinClosed = false;
  /** The terminal size that was asked for before it was started. */
  size: { columns: number; rows: number } | undefined;
  /** The keeper copies its output. */
  copied = false;
  /** Settles when a start under way has been told, so that its exit is told after it. */
  starting: Promise<void> = Promise.resolve();
  readonly drained = Promise.withResolvers<void>();
  readonly consoleReady = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<ProcessExit>();
  #state: S;

  constructor(token: number, execId: string, stdio: Stdio, state: S) {
    this.token = token;
    this.execId = execId;
    this.stdio = stdio;
    this.#state = state;
  }

  get state(): S {
    return this.#state;
  }

  /** Enters a state. A transition that the machine does not have is a bug of ours. */
  become(state: S): void {
    if (state === this.#state) return;
    const mayBecome = this.execId === "" ? initMayBecome : execMayBecome;
    if (!mayBecome(this.#state as ExecState, state as ExecState)) {
      throw new TypeError(`invalid state transition "${this.#state}" to "${state}"`);
    }
    this.#state = state;
  }

  /** Resolves with the exit, once. */
  get exited(): Promise<ProcessExit> {
    return this.#exited.promise;
  }

  /** Notes the exit that the keeper wrote down. False when it was known. */
  noteExit(kept: Pick<KeptProcess, "status" | "exitedNs">): boolean {
    if (this.exit) return false;
    this.exit = { status: kept.status, atNs: kept.exitedNs };
    if (this.#state !== "deleted") this.become("stopped" as S);
    this.#exited.resolve(this.exit);
    return true;
  }

  /** It could not be started: nobody may wait for it any longer. */
  noteNotStarted(status: number): void {
    this.#exited.resolve({ status, atNs: 0n });
  }
}
