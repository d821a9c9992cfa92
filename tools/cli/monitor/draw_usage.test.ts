import { expect, test } from "bun:test";
import type { Nearness } from "#tools/monitor/container_watch.ts";
import { drawUsage, type UsageWatch } from "./draw_usage.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

function watch(name: string, process: string, threads: number, nearest?: Nearness): UsageWatch {
  return {
    container: { key: "/x", id: "x", name, image: "", namespace: "", folders: { version: 1 } },
    latest: {
      timeMs: 0,
      threads,
      threadsMax: 100,
      pidsLimit: { folder: "/x", current: threads, max: 100 },
      forksRefused: 0,
      processes: 1,
      descriptors: 3,
      memoryBytes: 2e6,
      workingSetBytes: 1e6,
      memoryMaxBytes: NO_LIMIT,
      oomKills: 0,
      cpuSeconds: 0,
      cpuMax: NO_LIMIT,
      throttledPeriods: 0,
      byName: [{ process, threads, processes: 1 }],
    },
    nearness: nearest ? [nearest] : [],
    series: { last: () => 0.25 },
  };
}

const near = (used: number, seconds?: number): Nearness => ({
  resource: "pids",
  used,
  limit: 100,
  share: used / 100,
  ...(seconds && { forecast: { slope: 1, seconds, earliest: seconds, latest: seconds } }),
});

test("the most endangered comes first: full, then soon full, then much used", () => {
  const table = drawUsage([
    watch("calm", "app", 5, near(5)),
    watch("used", "app", 80, near(80)),
    watch("rising", "app", 40, near(40, 120)),
    watch("full", "app", 100, near(100)),
  ]);
  const rows = table.trimEnd().split("\n").slice(1);
  expect(rows.map((row) => row.split(" ")[0])).toEqual(["full", "rising", "used", "calm"]);
  expect(rows[0]).toContain("pids full");
  expect(rows[1]).toContain("pids full in 2 min");
  expect(rows[2]).toContain("pids 80 %");
  expect(rows[0]).toMatch(/100 +100 +1\.00MB +- +3 +25\.0 +app 100/);
});

test("hostile names command no terminal and keep to their column", () => {
  const table = drawUsage([watch(`\x1b[2J${"x".repeat(500)}`, "\x1b]0;title\x07", 1)]);
  expect(table).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  expect(Math.max(...table.split("\n").map((line) => line.length))).toBeLessThan(160);
});
