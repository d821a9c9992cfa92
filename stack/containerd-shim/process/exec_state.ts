import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** The states of a process that an exec adds to a container. */
export type ExecState = "created" | "running" | "stopped" | "deleted";
export type ExecAction = "start" | "delete" | "kill" | "resize";

/** containerd's words for what a state refuses; what is not listed is allowed. */
const REFUSALS: Record<ExecState, Partial<Record<ExecAction, string>>> = {
  created: {},
  running: {
    start: "cannot start a running process",
    delete: "cannot delete a running process",
  },
  stopped: {
    start: "cannot start a stopped process",
    resize: "cannot resize a stopped container",
  },
  deleted: {
    start: "cannot start a deleted process",
    delete: "cannot delete a deleted process",
    kill: "cannot kill a deleted process",
    resize: "cannot resize a deleted process",
  },
};

const NEXT: Record<ExecState, readonly ExecState[]> = {
  created: ["running", "stopped", "deleted"],
  running: ["stopped"],
  stopped: ["deleted"],
  deleted: [],
};

/** Why `action` is refused in `state`; undefined when it is allowed. */
export function execRefusal(state: ExecState, action: ExecAction): ChainError | undefined {
  const message = REFUSALS[state][action];
  if (message === undefined) return undefined;
  const gone = state === "deleted" && (action === "delete" || action === "kill");
  const code: ErrorCode = gone ? "not_found" : "unknown";
  return failure({ layer: "shim", op: action, code, message });
}

/** Whether a transition is one of the machine's. */
export function execMayBecome(from: ExecState, to: ExecState): boolean {
  return NEXT[from].includes(to);
}
