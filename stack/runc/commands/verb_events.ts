import { writeDescriptor } from "#lib/linux/file.ts";
import { cgroupStats } from "../cgroups/cgroup_stats.ts";
import { OomWatch } from "../cgroups/oom_watch.ts";
import type { ContainerState } from "../state/container_state.ts";
import { containerStatus } from "../state/container_status.ts";
import { refuse } from "./command_failure.ts";
import type { Command } from "./command_types.ts";

const DEFAULT_INTERVAL_MS = 5000;
/** Even between statistics, look whether the container is still there. */
const LOOK_EVERY_MS = 500;

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration ("1m30s", "100ms"), of which the flag has checked the form, in milliseconds. */
function parseDuration(text: string): number {
  if (text === "") return DEFAULT_INTERVAL_MS;
  let total = 0;
  for (const [, value, unit] of text.matchAll(/(\d*\.?\d+|\d+\.)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(value) * UNITS[unit!]!;
  }
  return text.startsWith("-") ? -total : total;
}

/** JSON with u64 numbers as they are: a JavaScript number would round them. */
function exactJson(value: unknown): string {
  const text = JSON.stringify(value, (_, item) =>
    typeof item === "bigint" ? `\u0001${item}\u0001` : item,
  );
  return text.replace(/"\\u0001(-?\d+)\\u0001"/g, "$1");
}

function printStats(state: ContainerState): void {
  const data = cgroupStats(state.cgroup_paths);
  writeDescriptor(1, `${exactJson({ type: "stats", id: state.id, data })}\n`);
}

/** Prints statistics at each interval, and out-of-memory events as they come, until the end. */
function follow(state: ContainerState, intervalMs: number): void {
  const watch = new OomWatch(state.cgroup_paths);
  try {
    let next = performance.now() + intervalMs;
    while (watch.exists) {
      const left = next - performance.now();
      if (left <= 0) {
        printStats(state);
        next = Math.max(next + intervalMs, performance.now());
        continue;
      }
      const count = watch.wait(Math.ceil(Math.min(left, LOOK_EVERY_MS)));
      if (count > 0) writeDescriptor(1, `${JSON.stringify({ type: "oom", id: state.id })}\n`);
    }
  } finally {
    watch.close();
  }
}

export const eventsCommand: Command = {
  name: "events",
  synopsis: "<container-id>",
  flags: [
    { name: "interval", kind: "duration", usage: "time between statistics", default: "5s" },
    { name: "stats", kind: "bool", usage: "print the statistics once" },
  ],
  args: [1, 1],
  run({ context, flags, args }) {
    const state = context.store.load(args[0]!);
    const intervalMs = parseDuration(flags.text("interval"));
    if (intervalMs <= 0) {
      throw refuse("events", "duration interval must be greater than 0", "invalid_argument");
    }
    if (containerStatus(context.store, state) === "stopped") {
      throw refuse("events", `container with id ${state.id} is not running`);
    }
    if (flags.on("stats")) printStats(state);
    else follow(state, intervalMs);
    return 0;
  },
};
