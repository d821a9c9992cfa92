import { Log } from "#lib/log/log.ts";
import type { MetricsAddress } from "#tools/monitor/metrics_server.ts";
import { stopSignal } from "../io/stop_signal.ts";
import { startMonitor } from "../monitor/start_monitor.ts";

export interface MonitorFlags {
  root: string;
  state: string;
  /** Milliseconds. */
  interval: number;
  metrics: MetricsAddress;
  docker: string[];
}

/**
 * `catena monitor`: samples every container of this host, whatever stack it belongs to, keeps a day
 * of it and serves Prometheus metrics, until SIGTERM or SIGINT.
 */
export async function runMonitor(flags: MonitorFlags): Promise<number> {
  const log = new Log("cli");
  const running = startMonitor({
    root: flags.root,
    state: flags.state,
    intervalMs: flags.interval,
    metrics: flags.metrics,
    dockerSockets: flags.docker,
  });
  const { monitor, url, ringHeldBy } = running;
  if (ringHeldBy) log.warn("the day's ring is written by another", { ring: ringHeldBy });
  log.info("monitor serves", { metrics: url, containers: monitor.watches.size });
  const signal = await stopSignal();
  await running.stop();
  log.info("monitor ends", { signal });
  return 0;
}
