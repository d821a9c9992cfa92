import type { CgroupMount } from "../cgroup/cgroup_mounts.ts";
import type { CriCaller } from "../client/cri_call.ts";
import type { PodContext } from "../pod/pod_context.ts";
import type { PodSet } from "../pod/pod_set.ts";
import type { Counters } from "../stats/kubelet_metrics.ts";

/** What the HTTP API shows and does. */
export interface KubeletApi {
  context: PodContext;
  pods: PodSet;
  mounts: readonly CgroupMount[];
  counters: Counters;
  caller: CriCaller;
}
