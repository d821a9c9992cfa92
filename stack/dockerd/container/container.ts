import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import type { ContainerWaited, StatusWord } from "#wire/docker-api/types/container_view.ts";
import type { ExecProcess } from "../exec/exec_process.ts";
import { OutputHub } from "../io/output_hub.ts";
import type { ProcessIo } from "../io/process_io.ts";
import type { JsonLogWriter } from "../logs/json_log_writer.ts";
import { Mutex } from "../mutex.ts";
import type { OciProcess } from "../spec/oci_types.ts";
import type { ResolvedUser } from "../spec/user_lookup.ts";
import { writeStateFile } from "../state_file.ts";
import type { ContainerRecord } from "./container_record.ts";
import { MemoryKills } from "./memory_kills.ts";

type Waiter = (result: ContainerWaited) => void;

/** What is known of a running task beyond its record. */
export interface LiveTask {
  io: ProcessIo;
  /** The process of the spec it was started with: execs inherit from it. */
  process: OciProcess;
  user: ResolvedUser;
}

/** One container: its record, and what of it lives in this process. */
export class Container {
  readonly record: ContainerRecord;
  /** `<root>/containers/<id>`: record, log, hosts, hostname, resolv.conf. */
  readonly folder: string;
  /** Held while the container is created, started, ended or removed. */
  readonly lock = new Mutex();
  readonly hub = new OutputHub();
  readonly execs = new Map<string, ExecProcess>();
  readonly memoryKills = new MemoryKills();
  log: JsonLogWriter | undefined;
  task: LiveTask | undefined;
  /** Removal has begun: nothing may be started any more. */
  removing = false;
  /** Stop of the present run was asked for: no restart policy applies. */
  stopRequested = false;
  readonly #exitWaiters = new Set<Waiter>();
  readonly #removeWaiters = new Set<Waiter>();
  /** Resolvers of those who wait for the task's input to be there. */
  #inputReady: (() => void)[] = [];

  constructor(folder: string, record: ContainerRecord) {
    this.folder = folder;
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  get logPath(): string {
    if (this.record.hostConfig.LogConfig?.Type === "local") {
      return join(this.folder, "local-logs", "container.log");
    }
    return join(this.folder, `${this.id}-json.log`);
  }

  get tty(): boolean {
    return this.record.config.Tty === true;
  }

  makeFolder(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o710 });
  }

  save(): void {
    writeStateFile(join(this.folder, "container.json"), this.record);
  }

  get status(): StatusWord {
    const { state } = this.record;
    if (state.running) {
      if (state.paused) return "paused";
      return state.restarting ? "restarting" : "running";
    }
    if (this.removing) return "removing";
    if (state.dead) return "dead";
    return state.startedAt.startsWith("0001") ? "created" : "exited";
  }

  /** Called when the task's streams are there, or will not be. */
  announceInput(): void {
    for (const resolve of this.#inputReady.splice(0)) resolve();
  }

  /** Resolves when the container runs and its input may be written. */
  inputReady(): Promise<void> {
    if (this.task) return Promise.resolve();
    return new Promise((resolve) => this.#inputReady.push(resolve));
  }

  get exitResult(): ContainerWaited {
    const { exitCode, error } = this.record.state;
    return { StatusCode: exitCode, ...(error ? { Error: { Message: error } } : {}) };
  }

  /** Resolves at the next end of a run; rejects never, hangs while it runs. */
  nextExit(signal?: AbortSignal): Promise<ContainerWaited> {
    return wait(this.#exitWaiters, signal);
  }

  removed(signal?: AbortSignal): Promise<ContainerWaited> {
    return wait(this.#removeWaiters, signal);
  }

  announceExit(): void {
    announce(this.#exitWaiters, { StatusCode: this.record.state.exitCode });
  }

  announceRemoval(): void {
    announce(this.#exitWaiters, this.exitResult);
    announce(this.#removeWaiters, { StatusCode: this.record.state.exitCode });
    this.announceInput();
  }
}

function wait(waiters: Set<Waiter>, signal?: AbortSignal): Promise<ContainerWaited> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiters.delete(waiter);
      reject(
        failure({
          layer: "dockerd",
          op: "wait",
          code: "cancelled",
          message: "the client went away",
        }),
      );
    };
    const waiter: Waiter = (result) => {
      signal?.removeEventListener("abort", leave);
      resolve(result);
    };
    waiters.add(waiter);
    signal?.addEventListener("abort", leave, { once: true });
  });
}

function announce(waiters: Set<Waiter>, result: ContainerWaited): void {
  const all = [...waiters];
  waiters.clear();
  for (const waiter of all) waiter(result);
}
