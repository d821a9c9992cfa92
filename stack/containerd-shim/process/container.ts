import { failure } from "#lib/errors/chain_error.ts";
import type { LaunchedProcess, OciRuntime } from "#wire/oci-runtime/runtime.ts";
import type { CgroupLocation } from "../cgroup/cgroup_location.ts";
import type { Keeper } from "../keeping/keeper.ts";
import { hungKeeper } from "../keeping/keeper_cause.ts";
import { type ContainerRecord, writeContainer } from "../state/container_record.ts";
import type { ExecState } from "./exec_state.ts";
import type { InitState } from "./init_state.ts";
import { INIT_TOKEN, TaskProcess } from "./task_process.ts";

export type InitProcess = TaskProcess<InitState>;
export type ExecProcess = TaskProcess<ExecState> & {
  /** The OCI process object, until it was started. */
  spec?: unknown;
};

/** One container of this shim: its processes, its keeper and its runtime. */
export class Container {
  readonly record: ContainerRecord;
  readonly runtime: OciRuntime;
  readonly init: InitProcess;
  readonly execs = new Map<string, ExecProcess>();
  /** Absent only when the keeper was found dead. */
  keeper: Keeper | undefined;
  cgroup: CgroupLocation | undefined;
  /** A freeze is under way. */
  pausing = false;
  loggers: LaunchedProcess[] = [];
  #nextToken = INIT_TOKEN + 1;

  constructor(record: ContainerRecord, runtime: OciRuntime, state: InitState) {
    this.record = record;
    this.runtime = runtime;
    this.init = new TaskProcess<InitState>(INIT_TOKEN, "", record.stdio, state);
    this.init.pid = record.pid;
  }

  get id(): string {
    return this.record.id;
  }

  get bundle(): string {
    return this.record.bundle;
  }

  /** A token that no process of this container ever had. */
  newToken(atLeast = 0): number {
    this.#nextToken = Math.max(this.#nextToken, atLeast);
    const token = this.#nextToken;
    this.#nextToken += 1;
    return token;
  }

  /** The init for an empty id, else the exec of that id. */
  process(execId: string, op: string): InitProcess | ExecProcess {
    if (execId === "") return this.init;
    const exec = this.execs.get(execId);
    if (exec) return exec;
    const message = `process does not exist ${execId}`;
    throw failure({ layer: "shim", op, code: "not_found", message });
  }

  byToken(token: number): InitProcess | ExecProcess | undefined {
    if (token === INIT_TOKEN) return this.init;
    for (const exec of this.execs.values()) if (exec.token === token) return exec;
    return undefined;
  }

  /** The keeper, or the reason why nothing can be asked of it. */
  needKeeper(op: string): Keeper {
    if (this.keeper && !this.keeper.lost) return this.keeper;
    throw failure({
      layer: "shim",
      op,
      code: "unavailable",
      message: `the keeper of container ${this.id} is gone`,
      cause: "the process that holds this container's streams was killed",
      fix: "delete the container and start it again",
      ...(this.keeper?.alive ? hungKeeper(this.keeper.pid) : {}),
    });
  }

  save(): void {
    writeContainer(this.record);
  }
}
