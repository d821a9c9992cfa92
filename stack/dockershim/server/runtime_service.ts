import { RuntimeService } from "#gen/wire/cri/proto/runtime_service_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import { tracedService } from "#lib/rpc/traced_service.ts";
import type { Dockershim } from "../dockershim.ts";
import { unsupported } from "../refusals.ts";
import { createContainer } from "./container_create.ts";
import { containerEvents } from "./container_events.ts";
import {
  removeContainer,
  reopenContainerLog,
  startContainer,
  stopContainer,
  updateContainerResources,
} from "./container_life.ts";
import { containerStats, listContainerStats } from "./container_stats.ts";
import { containerStatus, listContainers } from "./container_status.ts";
import { execSync } from "./exec_sync.ts";
import { metricDescriptors, podSandboxMetrics } from "./pod_metrics.ts";
import { runtimeConfig, runtimeStatus, runtimeVersion } from "./runtime_status.ts";
import { removePodSandbox, stopPodSandbox } from "./sandbox_end.ts";
import { runPodSandbox } from "./sandbox_run.ts";
import { listPodSandboxStats, podSandboxStats } from "./sandbox_stats.ts";
import { listPodSandbox, podSandboxStatus, updatePodSandboxResources } from "./sandbox_status.ts";
import { attachUrl, execUrl, portForwardUrl } from "./stream_urls.ts";

/** RuntimeService over a Docker Engine: each request by its name. */
export function runtimeService(shim: Dockershim): ServiceImplementation<typeof RuntimeService> {
  const service: ServiceImplementation<typeof RuntimeService> = {
    version: (_, context) => runtimeVersion(shim, context),
    status: (request, context) => runtimeStatus(shim, request, context),
    runtimeConfig: (_, context) => runtimeConfig(shim, context),
    // Pod addresses are the CNI configuration's matter, or Docker's.
    updateRuntimeConfig: async () => ({}),
    runPodSandbox: (request, context) => runPodSandbox(shim, request, context),
    stopPodSandbox: (request, context) => stopPodSandbox(shim, request, context),
    removePodSandbox: (request, context) => removePodSandbox(shim, request, context),
    podSandboxStatus: (request, context) => podSandboxStatus(shim, request, context),
    listPodSandbox: (request, context) => listPodSandbox(shim, request, context),
    updatePodSandboxResources: (request, context) =>
      updatePodSandboxResources(shim, request, context),
    createContainer: (request, context) => createContainer(shim, request, context),
    startContainer: (request, context) => startContainer(shim, request, context),
    stopContainer: (request, context) => stopContainer(shim, request, context),
    removeContainer: (request, context) => removeContainer(shim, request, context),
    listContainers: (request, context) => listContainers(shim, request, context),
    containerStatus: (request, context) => containerStatus(shim, request, context),
    updateContainerResources: (request, context) =>
      updateContainerResources(shim, request, context),
    reopenContainerLog: (request, context) => reopenContainerLog(shim, request, context),
    execSync: (request, context) => execSync(shim, request, context),
    exec: (request, context) => execUrl(shim, request, context),
    attach: (request, context) => attachUrl(shim, request, context),
    portForward: (request, context) => portForwardUrl(shim, request, context),
    containerStats: (request, context) => containerStats(shim, request, context),
    listContainerStats: (request, context) => listContainerStats(shim, request, context),
    podSandboxStats: (request, context) => podSandboxStats(shim, request, context),
    listPodSandboxStats: (request, context) => listPodSandboxStats(shim, request, context),
    checkpointContainer: () => Promise.reject(noCheckpoints()),
    getContainerEvents: (_, context) => containerEvents(shim, context),
    listMetricDescriptors: async () => metricDescriptors(),
    listPodSandboxMetrics: (_, context) => podSandboxMetrics(shim, context),
  };
  return tracedService(RuntimeService, service, shim.tracer);
}

function noCheckpoints() {
  return unsupported(
    "checkpoint container",
    "method CheckpointContainer not implemented: Docker's checkpoints stay with the daemon",
  );
}
