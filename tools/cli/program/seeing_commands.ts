import { type Command, Option } from "commander";
import type { DashboardFlags } from "../commands/dashboard.ts";
import type { MonitorFlags } from "../commands/monitor.ts";
import type { TopFlags } from "../commands/top.ts";
import {
  collectorUrl,
  intervalSeconds,
  metricsAddress,
  portNumber,
  sampleShare,
} from "../monitor/read_address.ts";
import { collect, withState } from "./shared_options.ts";

const DEFAULT_INTERVAL_MS = 1000;
const DEFAULT_METRICS_PORT = 9402;

/** What watches containers over time. */
export function addSeeing(program: Command): void {
  addTop(program);
  addMonitor(program);
  addDashboard(program);
}

function addDashboard(program: Command): void {
  withWatch(program.command("dashboard"))
    .summary("see chain, containers, requests and failures in a browser")
    .description(
      "Serves a page on this host's loopback until SIGTERM or SIGINT, to whoever has the\n" +
        "address that it prints. From elsewhere: ssh -L PORT:127.0.0.1:PORT HOST.",
    )
    .option("--port <port>", "port of the loopback; 0 takes a free one", portNumber, 0)
    .action(async (flags: DashboardFlags) => {
      const { runDashboard } = await import("../commands/dashboard.ts");
      process.exitCode = await runDashboard(flags);
    });
}

function addTop(program: Command): void {
  withWatch(program.command("top"))
    .summary("containers against their limits, the most endangered first")
    .description("Of every stack on this host: ours, Docker, containerd, a bare runtime.")
    .option("--once", "print once, also on a terminal")
    .action(async (flags: TopFlags) => {
      const { runTop } = await import("../commands/top.ts");
      process.exitCode = await runTop(flags);
    });
}

function addMonitor(program: Command): void {
  withWatch(program.command("monitor"))
    .summary("sample containers, keep a day of it, serve Prometheus metrics")
    .description(
      "Watches the containers of every stack on this host. Keeps 24 hours in ROOT/monitor\n" +
        "and serves /metrics in the names of cAdvisor and the node exporter.",
    )
    .addOption(
      new Option("--metrics <address>", "port of the loopback, or path of a unix socket")
        .argParser(metricsAddress)
        .default({ port: DEFAULT_METRICS_PORT }, String(DEFAULT_METRICS_PORT)),
    )
    .option("--otlp <url>", "send metrics and traces to this OpenTelemetry collector", collectorUrl)
    .option("--trace-sample <share>", "share of traces to send, 0 to 1", sampleShare)
    .action(async (flags: MonitorFlags) => {
      const { runMonitor } = await import("../commands/monitor.ts");
      process.exitCode = await runMonitor(flags);
    });
}

function withWatch(command: Command): Command {
  const interval = new Option("--interval <seconds>", "time between two samples")
    .argParser(intervalSeconds)
    .default(DEFAULT_INTERVAL_MS, String(DEFAULT_INTERVAL_MS / 1000));
  const docker = new Option("--docker <socket>", "a further Docker socket to ask for names")
    .argParser(collect)
    .default([], "those that are found");
  return withState(command).addOption(interval).addOption(docker);
}
