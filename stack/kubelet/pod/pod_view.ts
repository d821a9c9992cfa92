import type { ChainError } from "#lib/errors/chain_error.ts";
import type { Pod } from "../spec/pod.ts";
import type { Waiting } from "./container_starter.ts";
import type { PodState } from "./pod_state.ts";

/** How a pod stands, for its status. */
export interface PodView {
  pod: Pod;
  state: PodState;
  waiting: ReadonlyMap<string, Waiting>;
  phase: "running" | "terminating" | "gone";
  /** How it ended, once it did. */
  done: "Succeeded" | "Failed" | undefined;
  startedMs: number;
  isStarted: (name: string, id: string) => boolean;
  isReady: (name: string, id: string) => boolean;
  /** Containers whose probes cannot be executed, and why. */
  unexecuted: ReadonlyMap<string, string>;
  /** What the pod's last turn failed with. */
  error: ChainError | undefined;
  /** Why it was ended before its time, if it was. */
  reason: string | undefined;
}
