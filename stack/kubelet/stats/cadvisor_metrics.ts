import type { CgroupMount } from "../cgroup/cgroup_mounts.ts";
import { containerPath } from "../cgroup/container_cgroup.ts";
import type { PodCgroups } from "../cgroup/pod_cgroups.ts";
import type { PodView } from "../pod/pod_view.ts";
import { type CgroupUsage, cgroupUsage } from "./cgroup_usage.ts";
import type { MetricFamily } from "./metric_text.ts";

interface Row {
  labels: Record<string, string>;
  usage: CgroupUsage;
  startedMs: number;
}

type Reader = (row: Row) => number | undefined;

const NS = 1e9;
/** In cAdvisor's names and units: dashboards and alerts for it work unchanged. */
const FAMILIES: readonly [string, string, MetricFamily["type"], Reader][] = [
  [
    "container_cpu_usage_seconds_total",
    "Cumulative cpu time consumed in seconds.",
    "counter",
    ({ usage }) => (usage.cpuNs === undefined ? undefined : usage.cpuNs / NS),
  ],
  [
    "container_memory_usage_bytes",
    "Current memory usage in bytes, including all memory regardless of when it was accessed",
    "gauge",
    ({ usage }) => usage.memoryBytes,
  ],
  [
    "container_memory_working_set_bytes",
    "Current working set in bytes.",
    "gauge",
    ({ usage }) => usage.workingSetBytes,
  ],
  ["container_memory_rss", "Size of RSS in bytes.", "gauge", ({ usage }) => usage.rssBytes],
  [
    "container_memory_cache",
    "Number of bytes of page cache memory.",
    "gauge",
    ({ usage }) => usage.cacheBytes,
  ],
  [
    "container_memory_failcnt",
    "Number of memory usage hits limits",
    "counter",
    ({ usage }) => usage.memoryFailures,
  ],
  [
    "container_oom_events_total",
    "Count of out of memory events observed for the container",
    "counter",
    ({ usage }) => usage.oomKills,
  ],
  [
    "container_spec_memory_limit_bytes",
    "Memory limit for the container.",
    "gauge",
    ({ usage }) => usage.memoryLimitBytes,
  ],
  [
    "container_threads",
    "Number of threads running inside the container",
    "gauge",
    ({ usage }) => usage.threads,
  ],
  [
    "container_threads_max",
    "Maximum number of threads allowed inside the container, infinity if value is zero",
    "gauge",
    ({ usage }) => usage.threadsMax,
  ],
  [
    "container_processes",
    "Number of processes running inside the container.",
    "gauge",
    ({ usage }) => usage.processes,
  ],
  [
    "container_start_time_seconds",
    "Start time of the container since unix epoch in seconds.",
    "gauge",
    ({ startedMs }) => (startedMs > 0 ? startedMs / 1000 : undefined),
  ],
];

/** What /metrics/cadvisor tells: a row for each pod's cgroup and each running container's. */
export function cadvisorFamilies(
  views: readonly PodView[],
  mounts: readonly CgroupMount[],
  cgroups: PodCgroups,
): MetricFamily[] {
  const rows = views.flatMap((view) => podRows(view, mounts, cgroups));
  return FAMILIES.map(([name, help, type, read]) => ({
    name,
    help,
    type,
    samples: rows.flatMap((row) => {
      const value = read(row);
      return value === undefined ? [] : [{ labels: row.labels, value }];
    }),
  }));
}

function podRows(view: PodView, mounts: readonly CgroupMount[], cgroups: PodCgroups): Row[] {
  const { pod, state } = view;
  const path = cgroups.pathOf(pod);
  const common = { namespace: pod.namespace, pod: pod.name };
  const whole: Row = {
    labels: { container: "", id: path, image: "", name: "", ...common },
    usage: cgroupUsage(mounts, path),
    startedMs: view.startedMs,
  };
  const containers = state.containers.filter(({ phase }) => phase === "running");
  const rows = containers.map((one) => {
    const id = containerPath(mounts, path, one.id);
    const labels = { container: one.name, id, image: one.image, name: one.id, ...common };
    return { labels, usage: cgroupUsage(mounts, id), startedMs: one.detail.startedMs };
  });
  return state.sandbox ? [whole, ...rows] : [];
}
