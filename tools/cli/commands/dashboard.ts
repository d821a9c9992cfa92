import { serveDashboard } from "#tools/dashboard/server/dashboard_server.ts";
import { stopSignal } from "../io/stop_signal.ts";
import { startMonitor } from "../monitor/start_monitor.ts";

export interface DashboardFlags {
  root: string;
  state: string;
  /** Milliseconds. */
  interval: number;
  docker: string[];
  port: number;
}

/** `catena dashboard`: serves the page until it is told to stop. Returns the exit code. */
export async function runDashboard(flags: DashboardFlags): Promise<number> {
  const running = startMonitor({
    root: flags.root,
    state: flags.state,
    intervalMs: flags.interval,
    dockerSockets: flags.docker,
    warn: (message) => process.stderr.write(`catena dashboard: ${message}\n`),
  });
  try {
    const server = serveDashboard(running.monitor, flags.port);
    process.stdout.write(`${server.url}\n`);
    await stopSignal();
    await server.close();
    return 0;
  } finally {
    await running.stop();
  }
}
