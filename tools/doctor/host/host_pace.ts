import { existsSync } from "node:fs";
import { runCommand } from "../probe/run_command.ts";

/** Programs that do nothing: what starting one takes is the host's pace and nobody's fault. */
const IDLE_PROGRAMS = ["/bin/true", "/usr/bin/true"];
/** What starting and ending one takes on a host that has time: one to three milliseconds. */
const USUAL_MS = 25;
const MAX_STRETCH = 6;
const LIMIT_MS = 20_000;

let slowestMs = 0;

/**
 * Starts a program that does nothing and returns how many milliseconds it took, 0 where there is
 * none to start. A starved host slows this as it slows every link: the control measurement.
 */
export async function measurePace(): Promise<number> {
  const program = IDLE_PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) return 0;
  const { latencyMs } = await runCommand([program], LIMIT_MS);
  slowestMs = Math.max(slowestMs, latencyMs);
  return latencyMs;
}

/**
 * A time limit for an answer, as long as the host's pace demands: on a host that takes ten times as
 * long for everything, silence says something only after a longer time. At most six times as long.
 */
export function stretched(limitMs: number): number {
  return Math.round(limitMs * Math.min(MAX_STRETCH, Math.max(1, slowestMs / USUAL_MS)));
}
