import { InvalidArgumentError } from "commander";
import type { MetricsAddress } from "#tools/monitor/metrics_server.ts";

const MAX_PORT = 65_535;
const MIN_SECONDS = 0.2;
const MAX_SECONDS = 3600;

/** `--metrics`: a port on this host's loopback, or the path of a unix socket. */
export function metricsAddress(value: string): MetricsAddress {
  const path = value.replace(/^unix:\/\//, "");
  if (path.startsWith("/")) return { socketPath: path };
  const port = Number(value.replace(/^(?:127\.0\.0\.1|localhost)?:/, ""));
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return { port };
  throw new InvalidArgumentError("give a port of the loopback, or the path of a unix socket");
}

/** `--port`: a port of the loopback, 0 for a free one. */
export function portNumber(value: string): number {
  const port = Number(value);
  if (value !== "" && Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`give a port, 0 to ${MAX_PORT}`);
}

/** `--otlp`: a collector's base URL. */
export function collectorUrl(value: string): string {
  if (/^https?:\/\/[^/]/.test(value)) return value;
  throw new InvalidArgumentError("give the collector's URL, such as http://localhost:4318");
}

/** `--trace-sample`: a share from 0 to 1. */
export function sampleShare(value: string): number {
  const share = Number(value);
  if (value !== "" && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError("give a share from 0 to 1");
}

/** `--interval` and `--monitor`: seconds between two samples. Returns milliseconds. */
export function intervalSeconds(value: string): number {
  const seconds = Number(value.replace(/s$/, ""));
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds * 1000;
  throw new InvalidArgumentError(`give seconds, ${MIN_SECONDS} to ${MAX_SECONDS}`);
}
