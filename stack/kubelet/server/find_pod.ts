import { failure } from "#lib/errors/chain_error.ts";
import type { PodSet } from "../pod/pod_set.ts";
import { type ContainerState, newestOf } from "../pod/pod_state.ts";
import type { PodView } from "../pod/pod_view.ts";

/** The pod of this name, or a refusal that says so. */
export function podOf(pods: PodSet, namespace: string, name: string): PodView {
  const view = pods.find(namespace, name);
  if (view) return view;
  const message = `pod "${name}" in namespace "${namespace}" not found`;
  throw failure({ layer: "kubelet", op: "find pod", code: "not_found", message });
}

/** The running container of this name, or a refusal that says so. */
export function runningContainer(view: PodView, name: string): ContainerState {
  const container = newestOf(view.state, name);
  if (container?.phase === "running") return container;
  const message = container
    ? `container "${name}" of pod "${view.pod.name}" has ended`
    : `container "${name}" not found in pod "${view.pod.name}"`;
  const code = container ? "failed_precondition" : "not_found";
  throw failure({ layer: "kubelet", op: "find container", code, message });
}
