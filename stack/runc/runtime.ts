import type { TraceContext } from "#lib/trace/span.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import type {
  CreateOptions,
  ExecOptions,
  OciRuntime,
  Resources,
  RuntimeState,
} from "#wire/oci-runtime/runtime.ts";
import { commandFailure } from "./commands/command_failure.ts";
import { createContainer } from "./commands/container_create.ts";
import { execInContainer } from "./commands/container_exec.ts";
import { containerProcesses, pauseContainer, resumeContainer } from "./commands/container_pause.ts";
import { deleteContainer, signalContainer } from "./commands/container_signal.ts";
import { startContainer } from "./commands/container_start.ts";
import { updateContainer } from "./commands/container_update.ts";
import { ExecBases } from "./commands/exec_base.ts";
import type { RuntimeContext } from "./commands/runtime_context.ts";
import { containerStatus, runtimeState } from "./state/container_status.ts";
import { StateStore } from "./state/state_store.ts";

export interface CatenaRuntimeOptions {
  /** Where container states are kept, as `--root`. */
  root: string;
  /** cgroupsPath is `slice:prefix:name`. */
  systemd?: boolean;
  sink?: SpanSink;
  warn?: (message: string) => void;
}

/**
 * The runtime as a library: what `catena-runc` does, in the caller's process. Several may work on
 * one root at a time, in this process or others.
 */
export class CatenaRuntime implements OciRuntime {
  readonly #context: RuntimeContext;

  constructor(options: CatenaRuntimeOptions) {
    this.#context = {
      store: new StateStore(options.root),
      systemd: options.systemd ?? false,
      rootless: process.geteuid!() !== 0,
      warn: options.warn ?? (() => {}),
      execBases: new ExecBases(),
      ...(options.sink ? { sink: options.sink } : {}),
    };
  }

  async create(options: CreateOptions): Promise<{ pid: number }> {
    const { pid } = await launching("create", "runc create failed", () =>
      createContainer(this.#context, options),
    );
    return { pid };
  }

  async start(id: string, trace?: TraceContext): Promise<void> {
    await startContainer(this.#context, id, trace);
  }

  async exec(options: ExecOptions): Promise<{ pid: number }> {
    return launching("exec", "exec failed", () => execInContainer(this.#context, options));
  }

  async state(id: string): Promise<RuntimeState> {
    return attempt("state", () => {
      const state = this.#context.store.load(id);
      return runtimeState(state, containerStatus(this.#context.store, state));
    });
  }

  async kill(id: string, signal: number, all = false): Promise<void> {
    return attempt("kill", () => signalContainer(this.#context, id, signal, all));
  }

  async delete(id: string, options: { force?: boolean } = {}): Promise<void> {
    return attempt("delete", () => deleteContainer(this.#context, id, options.force ?? false));
  }

  async pause(id: string): Promise<void> {
    return attempt("pause", () => pauseContainer(this.#context, id));
  }

  async resume(id: string): Promise<void> {
    return attempt("resume", () => resumeContainer(this.#context, id));
  }

  async processes(id: string): Promise<number[]> {
    return attempt("ps", () => containerProcesses(this.#context, id));
  }

  async update(id: string, resources: Resources): Promise<void> {
    return attempt("update", () => updateContainer(this.#context, id, resources));
  }
}

/** Every failure that leaves the library is a ChainError. */
async function attempt<T>(op: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw commandFailure(error, op);
  }
}

/** A launch that failed, under the words of the command line that parents know. */
async function launching<T>(op: string, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const inner = commandFailure(error, op);
    throw inner.wrap({ layer: "runc", op, code: inner.outer.code, message });
  }
}
