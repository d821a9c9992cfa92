import { create, toBinary } from "@bufbuild/protobuf";
import type { StatsRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { isUnified } from "../cgroup/cgroup_location.ts";
import { containerOf, notFound, type ShimContext } from "../shim_context.ts";

/** A container's counters, in the form of the host's cgroup version. */
export async function statsOfTask(shim: ShimContext, request: StatsRequest) {
  const container = containerOf(shim, request.id, "stats");
  const { cgroup } = container;
  if (!cgroup) throw notFound("stats", "cgroup does not exist");
  if (isUnified(cgroup)) {
    // Loaded when first asked for: most shims are never asked.
    const { MetricsSchema } = await import("#gen/wire/task-ttrpc/proto/metrics_v2_pb.ts");
    const { readMetricsV2 } = await import("../cgroup/metrics_v2.ts");
    const value = toBinary(MetricsSchema, create(MetricsSchema, readMetricsV2(cgroup.unified!)));
    return { stats: { typeUrl: MetricsSchema.typeName, value } };
  }
  const { MetricsSchema } = await import("#gen/wire/task-ttrpc/proto/metrics_v1_pb.ts");
  const { readMetricsV1 } = await import("../cgroup/metrics_v1.ts");
  const value = toBinary(MetricsSchema, create(MetricsSchema, readMetricsV1(cgroup)));
  return { stats: { typeUrl: MetricsSchema.typeName, value } };
}
