import { qosClass } from "../cgroup/qos_class.ts";
import type { NodeFacts } from "../container/downward_value.ts";
import { newestOf } from "../pod/pod_state.ts";
import type { PodView } from "../pod/pod_view.ts";
import type { RuntimeHealth } from "../runtime/runtime_watch.ts";
import { containerStatus, timestamp } from "./container_status.ts";
import { hideValues } from "./hide_values.ts";

/** What a pod's status tells of the node that it is on. */
export interface StatusScope {
  node: NodeFacts;
  health: RuntimeHealth;
  /** Whether the reader may see the values of variables. */
  trusted: boolean;
}

/** A v1 Pod with its status, as /pods lists it. */
export function podObject(view: PodView, scope: StatusScope) {
  const { pod } = view;
  const spec = scope.trusted ? pod.rawSpec : hideValues(pod.rawSpec);
  return {
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      labels: pod.labels,
      annotations: {
        ...pod.annotations,
        "kubernetes.io/config.source": "file",
        "kubernetes.io/config.hash": pod.uid,
        "catena.dev/manifest": pod.origin,
      },
      creationTimestamp: timestamp(view.startedMs),
      ...(view.phase === "terminating" && { deletionTimestamp: timestamp(Date.now()) }),
    },
    spec: { nodeName: scope.node.name, ...(spec as Record<string, unknown>) },
    status: podStatus(view, scope),
  };
}

function podStatus(view: PodView, { node, health }: StatusScope) {
  const { pod, state } = view;
  const { initContainers, containers, hostNetwork } = pod.spec;
  const ips = hostNetwork ? [node.ip] : state.ips;
  const statuses = containers.map((spec) => containerStatus(view, spec, false));
  const inits = initContainers.map((spec) => containerStatus(view, spec, true));
  const trouble = podTrouble(view, health);
  return {
    phase: phaseOf(view),
    conditions: conditions(view, health),
    ...trouble,
    hostIP: node.ip,
    hostIPs: [{ ip: node.ip }],
    ...(state.sandbox && ips.length > 0 && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: timestamp(view.startedMs),
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: statuses,
    qosClass: qosClass(pod.spec),
  };
}

/** What keeps the pod as a whole from going on: its runtime, or its last turn. */
function podTrouble(view: PodView, { error: down }: RuntimeHealth) {
  if (down) return { reason: "RuntimeUnavailable", message: down.message };
  if (view.reason)
    return { reason: view.reason, message: "Pod was active longer than its deadline" };
  if (view.error) return { reason: "SyncFailed", message: view.error.message };
  return {};
}

/** Pending until every container was made once, then running until all is over. */
export function phaseOf({ pod, state, done }: PodView): string {
  if (done) return done;
  const made = pod.spec.containers.every(({ name }) => {
    const container = newestOf(state, name);
    return container !== undefined && container.phase !== "created";
  });
  return made ? "Running" : "Pending";
}

interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
}

function conditions(view: PodView, health: RuntimeHealth): Condition[] {
  const { pod, state, unexecuted } = view;
  const unready = pod.spec.containers.filter(({ name }) => {
    const container = newestOf(state, name);
    return container?.phase !== "running" || !view.isReady(name, container.id);
  });
  const waiting = pod.spec.initContainers.filter((spec) => !initIsDone(view, spec));
  const begun = pod.spec.containers.some(({ name }) => newestOf(state, name));
  const why = (names: { name: string }[]) => `[${names.map(({ name }) => name).join(" ")}]`;
  const notReady = {
    reason: "ContainersNotReady",
    message: `containers with unready status: ${why(unready)}`,
  };
  const notInitialized = {
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: ${why(waiting)}`,
  };
  const probes = [...unexecuted].map(([name, line]) => `container ${name}: ${line}`).join("; ");
  const list = [
    condition("PodReadyToStartContainers", state.sandbox !== undefined),
    condition("Initialized", begun || waiting.length === 0, notInitialized),
    condition("Ready", unready.length === 0, notReady),
    condition("ContainersReady", unready.length === 0, notReady),
    condition("PodScheduled", true),
    condition("catena.dev/ProbesExecutable", unexecuted.size === 0, {
      reason: "ProbeNotExecuted",
      message: probes,
    }),
  ];
  // What was seen last may not hold any more, and nobody can tell.
  if (health.error) return list.map((one) => (one.status === "True" ? unknown(one) : one));
  return list;
}

function unknown(one: Condition): Condition {
  return { ...one, status: "Unknown", reason: "RuntimeUnavailable" };
}

function condition(
  type: string,
  holds: boolean,
  otherwise?: { reason: string; message: string },
): Condition {
  return { type, status: holds ? "True" : "False", ...(!holds && otherwise) };
}

function initIsDone(view: PodView, spec: { name: string; sidecar: boolean }): boolean {
  const container = newestOf(view.state, spec.name);
  if (!container) return false;
  if (spec.sidecar) return container.phase === "running" && view.isStarted(spec.name, container.id);
  return container.phase === "exited" && container.detail.exitCode === 0;
}
