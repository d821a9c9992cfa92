import type { ContainerSpec, PodSpec } from "../spec/pod.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const COUNTED = ["cpu", "memory"];

/**
 * A pod's quality of service: Guaranteed when every container's cpu and memory are limited and
 * requested alike, BestEffort when nothing is requested, Burstable otherwise.
 */
export function qosClass(spec: PodSpec): QosClass {
  const all = [...spec.initContainers, ...spec.containers];
  const anything = all.some((container) => COUNTED.some((name) => amount(container, name) > 0));
  if (!anything) return "BestEffort";
  const guaranteed = all.every(({ resources }) =>
    COUNTED.every((name) => {
      const limit = resources.limits[name] ?? 0;
      return limit > 0 && resources.requests[name] === limit;
    }),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

function amount({ resources }: ContainerSpec, name: string): number {
  return Math.max(resources.requests[name] ?? 0, resources.limits[name] ?? 0);
}

const GUARANTEED_SCORE = -997;
const BEST_EFFORT_SCORE = 1000;
/** Above any guaranteed pod's and below any best-effort one's. */
const BURSTABLE_RANGE = { min: 3, max: 999 };

/** The oom_score_adj of a container, as the kubelet reckons it from the memory it requests. */
export function oomScore(qos: QosClass, container: ContainerSpec, nodeMemoryBytes: number): number {
  if (qos === "Guaranteed") return GUARANTEED_SCORE;
  if (qos === "BestEffort") return BEST_EFFORT_SCORE;
  const requested = container.resources.requests["memory"] ?? 0;
  const score = Math.floor(1000 - (1000 * requested) / nodeMemoryBytes);
  return Math.min(BURSTABLE_RANGE.max, Math.max(BURSTABLE_RANGE.min, score));
}
