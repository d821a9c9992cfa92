import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** The states of a container's init. */
export type InitState = "created" | "running" | "paused" | "stopped" | "deleted";
/** What may be asked of it. */
export type InitAction =
  | "start"
  | "delete"
  | "pause"
  | "resume"
  | "update"
  | "checkpoint"
  | "kill"
  | "exec";

type Refusals = Partial<Record<InitAction, string>>;

/** containerd's words for what a state refuses; what is not listed is allowed. */
const REFUSALS: Record<InitState, Refusals> = {
  created: {
    pause: "cannot pause task in created state",
    resume: "cannot resume task in created state",
    checkpoint: "cannot checkpoint a task in created state",
  },
  running: {
    start: "cannot start a running process",
    delete: "cannot delete a running process",
    resume: "cannot resume a running process",
  },
  paused: {
    start: "cannot start a paused process",
    delete: "cannot delete a paused process",
    pause: "cannot pause a paused container",
    exec: "cannot exec in a paused state",
  },
  stopped: {
    start: "cannot start a stopped process",
    pause: "cannot pause a stopped container",
    resume: "cannot resume a stopped container",
    update: "cannot update a stopped container",
    checkpoint: "cannot checkpoint a stopped container",
    exec: "cannot exec in a stopped state",
  },
  deleted: {
    start: "cannot start a deleted process",
    delete: "cannot delete a deleted process",
    pause: "cannot pause a deleted process",
    resume: "cannot resume a deleted process",
    update: "cannot update a deleted process",
    checkpoint: "cannot checkpoint a deleted process",
    kill: "cannot kill a deleted process",
    exec: "cannot exec in a deleted state",
  },
};

/** Where each state may go. */
const NEXT: Record<InitState, readonly InitState[]> = {
  created: ["running", "stopped", "deleted"],
  running: ["stopped", "paused"],
  paused: ["running", "stopped"],
  stopped: ["deleted"],
  deleted: [],
};

/** Why `action` is refused in `state`; undefined when it is allowed. */
export function initRefusal(state: InitState, action: InitAction): ChainError | undefined {
  const message = REFUSALS[state][action];
  if (message === undefined) return undefined;
  // containerd answers the first two of a deleted process with NotFound, all else with Unknown.
  const gone = state === "deleted" && (action === "delete" || action === "kill");
  const code: ErrorCode = gone ? "not_found" : "unknown";
  return failure({ layer: "shim", op: action, code, message, ...pausedFix(state, action) });
}

/** Whether a transition is one of the machine's. */
export function initMayBecome(from: InitState, to: InitState): boolean {
  return NEXT[from].includes(to);
}

function pausedFix(state: InitState, action: InitAction) {
  if (state !== "paused" || action !== "exec") return {};
  return { causeId: "paused", cause: "the container is paused", fix: "resume it first" };
}
