import type { ContainerWatch, Nearness } from "#tools/monitor/container_watch.ts";
import { dangerOf } from "#tools/monitor/container_watch.ts";
import { durationText } from "#tools/monitor/duration_text.ts";
import { sizeText, textTable } from "../io/table.ts";

const MAX_NAME = 32;
/** Below this share of its limit nothing is worth a word. */
const NOTABLE = 0.1;
const HEADS = [
  "CONTAINER",
  "THREADS",
  "LIMIT",
  "MEMORY",
  "LIMIT",
  "FILES",
  "CPU %",
  "MOST",
  "NEXT",
];

/** As much of a watch as a row needs. */
export type UsageWatch = Pick<ContainerWatch, "container" | "latest" | "nearness"> & {
  series: Pick<ContainerWatch["series"], "last">;
};

/** A table of containers against their limits, the most endangered first. */
export function drawUsage(watches: Iterable<UsageWatch>, lines = Number.MAX_SAFE_INTEGER) {
  const seen = [...watches].filter((watch) => watch.latest);
  seen.sort((left, right) => dangerOfWatch(right) - dangerOfWatch(left));
  return textTable(HEADS, seen.slice(0, Math.max(1, lines)).map(row));
}

function dangerOfWatch(watch: UsageWatch): number {
  return watch.nearness[0] ? dangerOf(watch.nearness[0]) : 0;
}

function row(watch: UsageWatch): string[] {
  const sample = watch.latest!;
  const { name } = watch.container;
  const limit = sample.pidsLimit;
  const cpu = watch.series.last("cpu") ?? 0;
  const most = sample.byName[0];
  return [
    name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name,
    String(sample.threads),
    limit ? String(sample.threads + limit.max - limit.current) : "-",
    sizeText(sample.workingSetBytes),
    Number.isFinite(sample.memoryMaxBytes) ? sizeText(sample.memoryMaxBytes) : "-",
    String(sample.descriptors),
    (cpu * 100).toFixed(1),
    most ? `${most.process} ${most.threads}` : "-",
    watch.nearness[0] ? nextText(watch.nearness[0]) : "",
  ];
}

function nextText({ resource, share, forecast }: Nearness): string {
  if (share >= 1) return `${resource} full`;
  if (forecast) return `${resource} full in ${durationText(forecast.seconds)}`;
  return share < NOTABLE ? "" : `${resource} ${Math.floor(share * 100)} %`;
}
