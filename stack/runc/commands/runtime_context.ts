import type { SpanSink } from "#lib/trace/tracer.ts";
import type { StateStore } from "../state/state_store.ts";
import type { ExecBases } from "./exec_base.ts";

/** What every verb of the runtime works with. */
export interface RuntimeContext {
  store: StateStore;
  /** cgroupsPath is `slice:prefix:name`. */
  systemd: boolean;
  /** Cgroup permission errors are no failure, as for callers that are not root. */
  rootless: boolean;
  sink?: SpanSink;
  /** Remembers what execs start from; a process that makes one exec has no use for it. */
  execBases?: ExecBases;
  /** Tells the operator what is odd but no failure. */
  warn(message: string): void;
  /** Follows what is done, step by step; left out unless somebody asked for that. */
  debug?(message: string): void;
}
