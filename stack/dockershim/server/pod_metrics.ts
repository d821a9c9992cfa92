import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ListMetricDescriptorsResponseSchema,
  type ListPodSandboxMetricsResponseSchema,
  type MetricSchema,
  MetricType,
} from "#gen/wire/cri/proto/metrics_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame } from "../refusals.ts";
import type { Usage } from "../stats/container_usage.ts";
import { eachLimited } from "../stats/each_limited.ts";
import { containerUsages } from "./container_stats.ts";

interface Described {
  help: string;
  type: MetricType;
  value: (usage: Usage) => bigint;
}

/** Names and units are cadvisor's, but for CPU time: the CRI's values are whole numbers. */
const METRICS: Record<string, Described> = {
  container_cpu_usage_nanoseconds_total: {
    help: "CPU time in nanoseconds",
    type: MetricType.COUNTER,
    value: ({ cpuNs }) => cpuNs,
  },
  container_memory_usage_bytes: {
    help: "memory in use, caches included",
    type: MetricType.GAUGE,
    value: ({ memory }) => memory.usage,
  },
  container_memory_working_set_bytes: {
    help: "memory in use without inactive file pages",
    type: MetricType.GAUGE,
    value: ({ memory }) => memory.workingSet,
  },
  container_memory_rss: {
    help: "anonymous memory",
    type: MetricType.GAUGE,
    value: ({ memory }) => memory.rss,
  },
  container_threads: {
    help: "processes and threads, as the pids controller counts them",
    type: MetricType.GAUGE,
    value: ({ processes }) => processes,
  },
};

/** ListMetricDescriptors: what ListPodSandboxMetrics tells. */
export function metricDescriptors(): MessageInitShape<typeof ListMetricDescriptorsResponseSchema> {
  const descriptors = Object.entries(METRICS).map(([name, { help }]) => ({
    name,
    help,
    labelKeys: ["container"],
  }));
  return { descriptors };
}

/** ListPodSandboxMetrics: of each pod, its containers'. */
export async function podSandboxMetrics(
  shim: Dockershim,
  context: CallContext,
): Promise<MessageInitShape<typeof ListPodSandboxMetricsResponseSchema>> {
  return inFrame("list pod sandbox metrics", "failed to list metrics", async () => {
    const sandboxes = await shim.list("podsandbox", [], context);
    const podMetrics = await eachLimited(sandboxes, async ({ Id }) => {
      const usages = await containerUsages(shim, { podSandboxId: Id }, context);
      const containerMetrics = usages.map((usage) => ({
        containerId: usage.stats.attributes?.id ?? "",
        metrics: metricsOf(usage),
      }));
      return { podSandboxId: Id, containerMetrics };
    });
    return { podMetrics };
  });
}

function metricsOf(usage: Usage): MessageInitShape<typeof MetricSchema>[] {
  const timestamp = wallNanoseconds();
  const container = usage.stats.attributes?.metadata?.name ?? "";
  return Object.entries(METRICS).map(([name, { type, value }]) => ({
    name,
    timestamp,
    metricType: type,
    labelValues: [container],
    value: { value: value(usage) },
  }));
}
