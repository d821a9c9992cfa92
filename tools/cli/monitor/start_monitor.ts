import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { OtlpEndpoint } from "#lib/trace/otlp/otlp_client.ts";
import { type MetricsAddress, serveMetrics } from "#tools/monitor/metrics_server.ts";
import { Monitor } from "#tools/monitor/monitor.ts";
import { pushMetrics } from "#tools/monitor/push_metrics.ts";
import { lockFolder } from "../daemon_lock.ts";

export interface MonitorPlan {
  root: string;
  state: string;
  intervalMs: number;
  metrics?: MetricsAddress;
  dockerSockets?: string[];
  /** A collector that gets the metrics too. */
  otlp?: OtlpEndpoint;
  warn: (message: string, fields: Record<string, unknown>) => void;
}

export interface RunningMonitor {
  monitor: Monitor;
  /** Where its metrics are, when they are served. */
  url?: string;
  /** Set when another process writes the day's ring of this folder. */
  ringHeldBy?: string;
  stop(): Promise<void>;
}

/** Starts a monitor with the day's ring under ROOT, which one process writes and all read. */
export function startMonitor(plan: MonitorPlan): RunningMonitor {
  const folder = join(plan.root, "monitor");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(folder);
  const unlock = typeof lock === "string" ? undefined : lock;
  try {
    const monitor = new Monitor({
      intervalMs: plan.intervalMs,
      stateDir: plan.state,
      ringFolder: folder,
      writeRing: unlock !== undefined,
      ...(plan.dockerSockets && { dockerSockets: plan.dockerSockets }),
    });
    const server = plan.metrics && serveMetrics(monitor, plan.metrics);
    monitor.start();
    const endPush = plan.otlp && pushMetrics(monitor, plan.otlp, plan.warn);
    return {
      monitor,
      ...(server && { url: server.url }),
      ...(typeof lock === "string" && { ringHeldBy: lock }),
      stop: async () => {
        monitor.stop();
        endPush?.();
        await server?.close();
        unlock?.();
      },
    };
  } catch (error) {
    unlock?.();
    throw error;
  }
}

function takeLock(folder: string): (() => void) | string {
  try {
    return lockFolder(folder, "monitor.pid");
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "already_exists") return error.words;
    throw error;
  }
}
