import type { ChainError } from "#lib/errors/chain_error.ts";
import type { Log } from "#lib/log/log.ts";
import type { FailureExplainer } from "../cause/explain_failure.ts";
import type { PodCgroups } from "../cgroup/pod_cgroups.ts";
import type { NodeFacts } from "../container/downward_value.ts";
import type { EventRecorder } from "../event/event_recorder.ts";
import type { PodRuntime } from "../runtime/pod_runtime.ts";
import type { RuntimeWatch } from "../runtime/runtime_watch.ts";
import type { PodFolders } from "../volume/pod_folders.ts";
import type { BackOffTimes } from "./back_off.ts";

/** What the workers of all pods share. */
export interface PodContext {
  runtime: PodRuntime;
  watch: RuntimeWatch;
  events: EventRecorder;
  explainer: FailureExplainer;
  folders: PodFolders;
  cgroups: PodCgroups;
  node: NodeFacts;
  backOff: BackOffTimes;
  /** Keeps a failure for `catena explain`. */
  record: (error: ChainError) => void;
  /** Counts probe outcomes for /metrics. */
  count: (name: string, labels: Record<string, string>) => void;
  log: Log;
}
