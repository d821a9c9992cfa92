import type { NodeFacts } from "../container/downward_value.ts";
import type { RecordedEvent } from "../event/event_recorder.ts";
import type { RuntimeHealth } from "../runtime/runtime_watch.ts";
import { timestamp } from "./container_status.ts";

/** A v1 Node: how this one stands, as far as it can know by itself. */
export function nodeObject({ node, health }: { node: NodeFacts; health: RuntimeHealth }) {
  const resources = {
    cpu: String(node.cpuCores),
    memory: `${Math.floor(node.memoryBytes / 1024)}Ki`,
  };
  const { error } = health;
  return {
    kind: "Node",
    apiVersion: "v1",
    metadata: { name: node.name },
    status: {
      addresses: [
        { type: "InternalIP", address: node.ip },
        { type: "Hostname", address: node.name },
      ],
      capacity: resources,
      allocatable: resources,
      conditions: [
        {
          type: "Ready",
          status: error ? "False" : "True",
          reason: error ? "KubeletNotReady" : "KubeletReady",
          message: error
            ? `container runtime is down: ${error.message}`
            : "kubelet is posting ready status",
          lastHeartbeatTime: timestamp(health.listedMs),
          lastTransitionTime: timestamp(health.sinceMs),
        },
      ],
    },
  };
}

/** A v1 Event. `catena` beside it holds what a machine can read of a failure. */
export function eventObject(event: RecordedEvent, node: NodeFacts) {
  const { object, type, reason, message, count, firstMs, lastMs, details } = event;
  return {
    metadata: { namespace: object.namespace },
    involvedObject: { ...object, apiVersion: "v1" },
    type,
    reason,
    message,
    count,
    firstTimestamp: timestamp(firstMs),
    lastTimestamp: timestamp(lastMs),
    source: { component: "kubelet", host: node.name },
    ...(details && { catena: details }),
  };
}
