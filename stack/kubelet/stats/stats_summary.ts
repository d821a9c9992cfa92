import { freemem, loadavg, totalmem } from "node:os";
import { readTextIfAny } from "#lib/linux/file.ts";
import type { CgroupMount } from "../cgroup/cgroup_mounts.ts";
import { containerPath } from "../cgroup/container_cgroup.ts";
import type { PodCgroups } from "../cgroup/pod_cgroups.ts";
import type { PodView } from "../pod/pod_view.ts";
import { timestamp } from "../status/container_status.ts";
import { type CgroupUsage, cgroupUsage } from "./cgroup_usage.ts";

/** /stats/summary: the node's and its pods' use, in the shape of the kubelet's Summary API. */
export function statsSummary(
  nodeName: string,
  views: readonly PodView[],
  mounts: readonly CgroupMount[],
  cgroups: PodCgroups,
) {
  return {
    node: nodeStats(nodeName),
    pods: views
      .filter(({ state }) => state.sandbox !== undefined)
      .map((view) => podStats(view, mounts, cgroups)),
  };
}

function nodeStats(nodeName: string) {
  const time = timestamp(Date.now());
  const meminfo = readTextIfAny("/proc/meminfo") ?? "";
  const kib = Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? freemem() / 1024);
  const [running = "0", threads = "0"] =
    (readTextIfAny("/proc/loadavg") ?? "").split(" ")[3]?.split("/") ?? [];
  const max = Number(readTextIfAny("/proc/sys/kernel/threads-max")?.trim() ?? 0);
  return {
    nodeName,
    cpu: { time, loadAverage: loadavg()[0], runnableThreads: Number(running) },
    memory: { time, availableBytes: kib * 1024, usageBytes: totalmem() - kib * 1024 },
    rlimit: { time, maxpid: max, curproc: Number(threads) },
  };
}

function podStats(view: PodView, mounts: readonly CgroupMount[], cgroups: PodCgroups) {
  const { pod, state } = view;
  const path = cgroups.pathOf(pod);
  const usage = cgroupUsage(mounts, path);
  return {
    podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
    startTime: timestamp(view.startedMs),
    ...useOf(usage),
    process_stats: { process_count: usage.threads ?? 0 },
    containers: state.containers
      .filter(({ phase }) => phase === "running")
      .map(({ name, id, detail }) => ({
        name,
        startTime: timestamp(detail.startedMs),
        ...useOf(cgroupUsage(mounts, containerPath(mounts, path, id))),
      })),
  };
}

function useOf(usage: CgroupUsage) {
  const time = timestamp(Date.now());
  const limit = usage.memoryLimitBytes ?? 0;
  const workingSet = usage.workingSetBytes ?? 0;
  return {
    cpu: { time, usageCoreNanoSeconds: usage.cpuNs },
    memory: {
      time,
      ...(limit > 0 && { availableBytes: Math.max(0, limit - workingSet) }),
      usageBytes: usage.memoryBytes,
      workingSetBytes: usage.workingSetBytes,
      rssBytes: usage.rssBytes,
      pageFaults: usage.pageFaults,
      majorPageFaults: usage.majorFaults,
    },
  };
}
