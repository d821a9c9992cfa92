import { dangerOf } from "./container_watch.ts";
import type { Monitor } from "./monitor.ts";

/** One value of a metric. */
export interface MetricPoint {
  labels: Record<string, string>;
  value: number;
}

/** A metric with the values of this moment. Counters only ever rise. */
export interface Metric {
  name: string;
  help: string;
  type: "counter" | "gauge";
  points: MetricPoint[];
}

type Watch = Monitor["watches"] extends Map<string, infer W> ? W : never;
type Sample = NonNullable<Watch["latest"]>;
type Row = [name: string, type: Metric["type"], help: string, value: (sample: Sample) => number];

/** cAdvisor says 0 for "no limit". */
const orZero = (limit: number) => (Number.isFinite(limit) ? limit : 0);

/** Names and meanings as cAdvisor has them, so that existing dashboards and alerts work. */
const CONTAINER_ROWS: Row[] = [
  [
    "container_threads",
    "gauge",
    "Number of threads running inside the container",
    (s) => s.threads,
  ],
  [
    "container_threads_max",
    "gauge",
    "Maximum number of threads allowed inside the container, 0 for no limit",
    (s) => orZero(s.threadsMax),
  ],
  ["container_processes", "gauge", "Number of processes inside the container", (s) => s.processes],
  [
    "container_file_descriptors",
    "gauge",
    "Number of open file descriptors of the container's processes",
    (s) => s.descriptors,
  ],
  [
    "container_memory_usage_bytes",
    "gauge",
    "Current memory usage, including all memory regardless of when it was accessed",
    (s) => s.memoryBytes,
  ],
  [
    "container_memory_working_set_bytes",
    "gauge",
    "Current working set: usage without inactive file cache",
    (s) => s.workingSetBytes,
  ],
  [
    "container_spec_memory_limit_bytes",
    "gauge",
    "Memory limit of the container, 0 for no limit",
    (s) => orZero(s.memoryMaxBytes),
  ],
  [
    "container_oom_events_total",
    "counter",
    "Count of out of memory events observed for the container",
    (s) => s.oomKills,
  ],
  [
    "container_cpu_cfs_throttled_periods_total",
    "counter",
    "Number of throttled period intervals",
    (s) => s.throttledPeriods,
  ],
  [
    "catena_container_forks_refused_total",
    "counter",
    "Processes and threads that the pids limit refused (pids.events max)",
    (s) => s.forksRefused,
  ],
];

/** Every metric of this moment. */
export function collectMetrics(monitor: Monitor): Metric[] {
  const seen = [...monitor.watches.values()].flatMap((watch) =>
    watch.latest ? [{ watch, sample: watch.latest, labels: labelsOf(watch) }] : [],
  );
  const metrics: Metric[] = CONTAINER_ROWS.map(([name, type, help, value]) => ({
    name,
    help,
    type,
    points: seen.map(({ sample, labels }) => ({ labels, value: value(sample) })),
  }));
  metrics.push(
    {
      name: "container_cpu_usage_seconds_total",
      help: "Cumulative cpu time consumed",
      type: "counter",
      points: seen.map(({ sample, labels }) => ({
        labels: { ...labels, cpu: "total" },
        value: sample.cpuSeconds,
      })),
    },
    {
      name: "container_ulimits_soft",
      help: "Soft limit of open files of the process with the most of them",
      type: "gauge",
      points: seen.flatMap(({ sample, labels }) =>
        sample.tightest && Number.isFinite(sample.tightest.softLimit)
          ? [{ labels: { ...labels, ulimit: "max_open_files" }, value: sample.tightest.softLimit }]
          : [],
      ),
    },
    {
      name: "catena_container_process_threads",
      help: "Threads of the container's processes by process name, the largest",
      type: "gauge",
      points: seen.flatMap(({ sample, labels }) =>
        sample.byName.map(({ process, threads }) => ({
          labels: { ...labels, process },
          value: threads,
        })),
      ),
    },
    ...forecastMetrics(seen),
  );
  return [...metrics, ...hostMetrics(monitor)];
}

function forecastMetrics(
  seen: { watch: Watch; labels: Record<string, string> }[],
): [Metric, Metric] {
  return [
    {
      name: "catena_container_limit_seconds",
      help: "Seconds until a rising count meets its limit; absent while there is no forecast",
      type: "gauge",
      points: seen.flatMap(({ watch, labels }) =>
        watch.nearness.flatMap(({ resource, forecast }) =>
          forecast ? [{ labels: { ...labels, resource }, value: forecast.seconds }] : [],
        ),
      ),
    },
    {
      name: "catena_container_danger",
      help: "How near the container is to its nearest limit: used share, 1 to 2 with a forecast",
      type: "gauge",
      points: seen.flatMap(({ watch, labels }) => {
        const [nearest] = watch.nearness;
        return nearest ? [{ labels, value: dangerOf(nearest) }] : [];
      }),
    },
  ];
}

function labelsOf({ container }: Watch): Record<string, string> {
  const { key, name, image, namespace, pod } = container;
  return {
    id: key,
    name,
    image,
    ...(namespace !== "" && { containerd_namespace: namespace }),
    ...pod,
  };
}

/** Names as the node exporter has them. */
function hostMetrics({ host }: Monitor): Metric[] {
  const rows: [string, string, number][] = [
    ["node_processes_threads", "Allocated threads in system", host.threads],
    ["node_processes_max_threads", "Limit of threads in the system", orZero(host.threadsMax)],
    ["node_processes_max_processes", "Number of max PIDs limit", orZero(host.pidMax)],
    ["node_filefd_allocated", "File descriptor statistics: allocated", host.filesOpen],
    ["node_filefd_maximum", "File descriptor statistics: maximum", orZero(host.filesMax)],
    ["node_memory_MemTotal_bytes", "Memory information field MemTotal", host.memoryTotalBytes],
    [
      "node_memory_MemAvailable_bytes",
      "Memory information field MemAvailable",
      host.memoryAvailableBytes,
    ],
    ["node_load1", "1m load average", host.load1],
    ["node_load5", "5m load average", host.load5],
    ["node_load15", "15m load average", host.load15],
  ];
  return rows.map(([name, help, value]) => {
    return { name, help, type: "gauge", points: [{ labels: {}, value }] };
  });
}
