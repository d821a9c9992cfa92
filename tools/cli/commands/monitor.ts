import { Log } from "#lib/log/log.ts";
import { otlpEndpoint } from "#lib/trace/otlp/otlp_client.ts";
import type { MetricsAddress } from "#tools/monitor/metrics_server.ts";
import { stopSignal } from "../io/stop_signal.ts";
import { startMonitor } from "../monitor/start_monitor.ts";
import { exportTraces } from "../trace/export_traces.ts";

export interface MonitorFlags {
  root: string;
  state: string;
  /** Milliseconds. */
  interval: number;
  metrics: MetricsAddress;
  docker: string[];
  /** A collector's base URL. */
  otlp?: string;
  traceSample?: number;
}

/**
 * `catena monitor`: samples every container of this host, whatever stack it belongs to, keeps a day
 * of it, serves Prometheus metrics and sends metrics and the traces of a catena daemon to a
 * collector, until SIGTERM or SIGINT.
 */
export async function runMonitor(flags: MonitorFlags): Promise<number> {
  const log = new Log("cli");
  const otlp = otlpEndpoint(flags.otlp);
  const running = startMonitor({
    root: flags.root,
    state: flags.state,
    intervalMs: flags.interval,
    metrics: flags.metrics,
    dockerSockets: flags.docker,
    ...(otlp && { otlp }),
    warn: (message, fields) => log.warn(message, fields),
  });
  const stopExport = exportTraces(flags, log);
  const { monitor, url, ringHeldBy } = running;
  if (ringHeldBy) log.warn("the day's ring is written by another", { ring: ringHeldBy });
  log.info("monitor serves", { metrics: url, containers: monitor.watches.size });
  const signal = await stopSignal();
  await stopExport?.();
  await running.stop();
  log.info("monitor ends", { signal });
  return 0;
}
