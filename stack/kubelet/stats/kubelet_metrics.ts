import type { CallCounts } from "../client/cri_call.ts";
import type { EventRecorder } from "../event/event_recorder.ts";
import type { PodView } from "../pod/pod_view.ts";
import { phaseOf } from "../status/pod_status.ts";
import type { MetricFamily, MetricSample } from "./metric_text.ts";

const MAX_SERIES = 10_000;

/** Counters by name and labels. */
export class Counters {
  readonly #values = new Map<string, Map<string, MetricSample>>();
  #series = 0;

  add(name: string, labels: Record<string, string>): void {
    const family = this.#values.get(name) ?? new Map<string, MetricSample>();
    this.#values.set(name, family);
    const key = JSON.stringify(labels);
    const sample = family.get(key);
    if (sample) sample.value += 1;
    else if (this.#series++ < MAX_SERIES) family.set(key, { labels, value: 1 });
  }

  samples(name: string): MetricSample[] {
    return [...(this.#values.get(name)?.values() ?? [])];
  }
}

export interface KubeletNumbers {
  views: readonly PodView[];
  calls: ReadonlyMap<string, CallCounts>;
  counters: Counters;
  events: EventRecorder;
  runtimeUp: boolean;
}

/** What /metrics tells of the kubelet itself. */
export function kubeletFamilies(numbers: KubeletNumbers): MetricFamily[] {
  const { views, calls, counters, runtimeUp } = numbers;
  const counter = "counter" as const;
  const gauge = "gauge" as const;
  const ops = [...calls].map(([op, counts]) => ({ labels: { operation_type: op }, counts }));
  const phases = countBy(views.map(phaseOf));
  const states = countBy(views.flatMap(({ state }) => state.containers.map(({ phase }) => phase)));
  const { user, system } = process.cpuUsage();
  return [
    one("kubelet_running_pods", "Number of pods that have a running pod sandbox", gauge, [
      { labels: {}, value: views.filter(({ state }) => state.sandbox).length },
    ]),
    one("kubelet_running_containers", "Number of containers by state", gauge, [
      ...[...states].map(([name, value]) => ({ labels: { container_state: name }, value })),
    ]),
    one("catena_kubelet_pods", "Number of pods by phase", gauge, [
      ...[...phases].map(([phase, value]) => ({ labels: { phase }, value })),
    ]),
    one("kubelet_runtime_operations_total", "Cumulative number of runtime operations", counter, [
      ...ops.map(({ labels, counts }) => ({ labels, value: counts.calls })),
    ]),
    one("kubelet_runtime_operations_errors_total", "Runtime operations that failed", counter, [
      ...ops.map(({ labels, counts }) => ({ labels, value: counts.errors })),
    ]),
    one("catena_kubelet_runtime_operations_seconds_total", "Time spent in them", counter, [
      ...ops.map(({ labels, counts }) => ({ labels, value: counts.totalMs / 1000 })),
    ]),
    one("prober_probe_total", "Probes by container and result", counter, [
      ...counters.samples("prober_probe_total"),
    ]),
    one("catena_probe_not_executed_total", "Probes that could not be executed", counter, [
      ...counters.samples("catena_probe_not_executed_total"),
    ]),
    one("catena_kubelet_runtime_up", "Whether the container runtime answers", gauge, [
      { labels: {}, value: runtimeUp ? 1 : 0 },
    ]),
    one("process_cpu_seconds_total", "CPU time of the kubelet", counter, [
      { labels: {}, value: (user + system) / 1e6 },
    ]),
    one("process_resident_memory_bytes", "Resident memory of the kubelet", gauge, [
      { labels: {}, value: process.memoryUsage.rss() },
    ]),
  ];
}

function one(
  name: string,
  help: string,
  type: MetricFamily["type"],
  samples: MetricSample[],
): MetricFamily {
  return { name, help, type, samples };
}

function countBy(words: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
