import { Monitor } from "#tools/monitor/monitor.ts";
import { stopSignal } from "../io/stop_signal.ts";
import { drawUsage } from "../monitor/draw_usage.ts";

export interface TopFlags {
  state: string;
  /** Milliseconds. */
  interval: number;
  docker: string[];
  once?: boolean;
}

const CLEAR = "\x1b[H\x1b[J";
/** A processor share needs two readings. */
const SETTLE_MS = 500;
/** Rows of the terminal that are not containers: heading and cursor. */
const OTHER_ROWS = 2;

/**
 * `catena top`: every container of this host against its limits, the most endangered first; once
 * where the output is no terminal. Returns the exit code.
 */
export async function runTop(flags: TopFlags): Promise<number> {
  const live = process.stdout.isTTY === true && !flags.once;
  const monitor = new Monitor({
    intervalMs: live ? flags.interval : SETTLE_MS / 2,
    stateDir: flags.state,
    dockerSockets: flags.docker,
  });
  monitor.start();
  try {
    if (!live) {
      await Bun.sleep(SETTLE_MS);
      process.stdout.write(drawUsage(monitor.watches.values()));
      return 0;
    }
    monitor.onRound(() => {
      const table = drawUsage(monitor.watches.values(), process.stdout.rows - OTHER_ROWS);
      const fitting = table.split("\n").map((line) => line.slice(0, process.stdout.columns));
      process.stdout.write(CLEAR + fitting.join("\n"));
    });
    await stopSignal();
    process.stdout.write("\n");
    return 0;
  } finally {
    monitor.stop();
  }
}
