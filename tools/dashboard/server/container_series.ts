import { BLOCK_MS } from "#tools/monitor/history_ring.ts";
import type { Monitor } from "#tools/monitor/monitor.ts";
import type { SeriesReply } from "../model.ts";

/** Points of one chart; more than a screen has columns are of no use. */
const MAX_POINTS = 1_500;
const HOUR_MS = 3_600_000;
const SPANS_MS: Record<string, number> = { "1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS };

/**
 * A container's past: the last ten minutes as they were sampled, or with a span ("1h", "6h", "24h")
 * what the day's ring has. Undefined when no such container runs.
 */
export async function containerSeries(
  monitor: Monitor,
  key: string,
  span: string,
): Promise<SeriesReply | undefined> {
  const watch = monitor.watches.get(key);
  if (!watch) return undefined;
  const spanMs = SPANS_MS[span];
  if (spanMs === undefined || !monitor.history) {
    const { series } = watch;
    return {
      timesMs: [...series.times()],
      threads: [...series.values("threads")],
      descriptors: [...series.values("descriptors")],
      memoryBytes: [...series.values("memory")],
      cpu: [...series.values("cpu")],
    };
  }
  const every = Math.max(1, Math.ceil(spanMs / BLOCK_MS / MAX_POINTS));
  const rows = await monitor.history.rowsOf(key, Date.now() - spanMs, every);
  return {
    timesMs: rows.map((row) => row.timeMs),
    threads: rows.map((row) => row.threads),
    descriptors: rows.map((row) => row.descriptors),
    memoryBytes: rows.map((row) => row.memoryBytes),
    cpu: rows.map((row, index) => {
      const before = rows[index - 1];
      if (!before) return 0;
      const seconds = (row.timeMs - before.timeMs) / 1000;
      return Math.max(0, (row.cpuSeconds - before.cpuSeconds) / seconds);
    }),
  };
}
