import { setTimeout as sleep } from "node:timers/promises";
import { formatBytes } from "../causes/words.ts";
import type { Facts } from "../facts.ts";
import type { HostFiles } from "../host/host_files.ts";
import type { DoctorOptions } from "../options.ts";
import type { Forecast } from "../report/report.ts";
import { estimateGrowth, type Growth, type Sample } from "./estimate_growth.ts";
import { type LimitedLevel, limitedLevels } from "./limited_level.ts";
import { SampleStore } from "./sample_store.ts";

/** A sample is taken so often while growth is watched. */
const LOOKS = 4;

/**
 * Watches the limited levels of all containers for `forecastMs`, adds what earlier looks saw, and
 * tells for each container what grows towards its limit and when it will be there.
 */
export async function foreseeGrowth(
  files: HostFiles,
  all: readonly Facts[],
  options: DoctorOptions,
): Promise<Map<Facts, Forecast[]>> {
  const levels = new Map<string, LimitedLevel>();
  const keys = new Map<Facts, string[]>();
  for (const facts of all) {
    const own = limitedLevels(files, facts);
    // Several containers share a shim and an ancestor: each is looked at once.
    for (const level of own) levels.set(level.key, level);
    keys.set(
      facts,
      own.map((level) => level.key),
    );
  }
  const forecasts = forecastsOf(await watchLevels(files, levels, options));
  const out = new Map<Facts, Forecast[]>();
  for (const [facts, own] of keys) {
    out.set(
      facts,
      own.map((key) => forecasts.get(key)).filter((one) => one !== undefined),
    );
  }
  return out;
}

interface Watched {
  level: LimitedLevel;
  growth: Growth;
}

/** Samples of now; the ones of earlier looks are asked too, for a leak may be slow. */
async function watchLevels(
  files: HostFiles,
  levels: Map<string, LimitedLevel>,
  options: DoctorOptions,
): Promise<Watched[]> {
  const started = Date.now();
  const { forecastMs = 0 } = options;
  const store = new SampleStore(options.stateDir);
  store.load(started);
  const fresh = new Map<string, Sample[]>();
  for (const [key, { current }] of levels) fresh.set(key, [{ timeMs: started, value: current }]);
  for (let look = 1; look < LOOKS && forecastMs > 0 && levels.size > 0; look++) {
    await sleep(forecastMs / (LOOKS - 1));
    for (const [key, level] of levels) {
      const value = level.read(files);
      if (value !== undefined) fresh.get(key)?.push({ timeMs: Date.now(), value });
    }
  }
  const out: Watched[] = [];
  for (const [key, level] of levels) {
    const now = fresh.get(key) ?? [];
    const newest = now.at(-1)!;
    const growth =
      estimateGrowth(now, level.limit) ?? estimateGrowth([...store.of(key), newest], level.limit);
    if (growth) out.push({ level, growth });
    store.add(key, newest);
  }
  if (!options.readOnly && levels.size > 0) store.save();
  return out;
}

function forecastsOf(watched: Watched[]): Map<string, Forecast> {
  return new Map(
    watched.map(({ level, growth }) => [
      level.key,
      {
        what: level.what,
        current: growth.to.value,
        limit: level.limit,
        perHour: Math.round(growth.perSecond * 3600),
        fullInSeconds: Math.round(growth.fullInSeconds),
        sentence: sentenceOf(level, growth),
        ref: level.ref,
      },
    ]),
  );
}

function sentenceOf({ what, limit, unit }: LimitedLevel, growth: Growth): string {
  const show = (value: number) => (unit === "bytes" ? formatBytes(value) : String(value));
  const { from, to, fullInSeconds } = growth;
  const past = duration((to.timeMs - from.timeMs) / 1000);
  return (
    `${what} grew from ${show(from.value)} to ${show(to.value)} in ${past}: ` +
    `at this rate the limit of ${show(limit)} is reached in about ${duration(fullInSeconds)}`
  );
}

/** A span of time in its two largest units. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
