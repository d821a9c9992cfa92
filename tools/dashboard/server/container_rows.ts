import { type ContainerWatch, dangerOf, type Nearness } from "#tools/monitor/container_watch.ts";
import type { HostFigures } from "#tools/monitor/host_figures.ts";
import type { ContainerRow, HostRow, NextLimit } from "../model.ts";

/** Names of processes that the page shows of a container. */
const NAMES_SHOWN = 8;

/** One container as the page shows it. Undefined before its first sample. */
export function containerRow(watch: ContainerWatch): ContainerRow | undefined {
  const sample = watch.latest;
  if (!sample) return undefined;
  const { key, id, name, image, namespace } = watch.container;
  const { pidsLimit, tightest } = sample;
  const [nearest] = watch.nearness;
  return {
    key,
    id,
    name,
    image,
    namespace,
    threads: sample.threads,
    threadsMax: pidsLimit ? sample.threads + pidsLimit.max - pidsLimit.current : null,
    processes: sample.processes,
    descriptors: tightest?.open ?? 0,
    descriptorsMax: tightest ? finite(tightest.softLimit) : null,
    memoryBytes: sample.workingSetBytes,
    memoryMaxBytes: finite(sample.memoryMaxBytes),
    cpu: Math.round((watch.series.last("cpu") ?? 0) * 1000) / 1000,
    forksRefused: sample.forksRefused,
    oomKills: sample.oomKills,
    danger: nearest ? dangerOf(nearest) : 0,
    next: nearest ? nextLimit(nearest) : null,
    byName: sample.byName.slice(0, NAMES_SHOWN).map((one) => [one.process, one.threads]),
  };
}

/** The host as the page shows it. */
export function hostRow(host: HostFigures): HostRow {
  return {
    threads: host.threads,
    threadsMax: finite(host.threadsMax),
    memoryTotalBytes: host.memoryTotalBytes,
    memoryAvailableBytes: host.memoryAvailableBytes,
    load1: host.load1,
  };
}

function nextLimit({ resource, used, limit, share, forecast }: Nearness): NextLimit {
  return {
    resource,
    used,
    limit,
    share,
    seconds: forecast ? forecast.seconds : null,
    earliest: forecast ? forecast.earliest : null,
    latest: forecast ? finite(forecast.latest) : null,
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
