import type { HealthConfig } from "#wire/docker-api/types/container_config.ts";
import type { HealthView } from "#wire/docker-api/types/container_view.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { execCreate, execStart } from "../server/exec_run.ts";
import { SIGKILL } from "../signals.ts";
import { nowText } from "../wall_clock.ts";

const MS_PER_NS = 1e-6;
const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_START_INTERVAL_MS = 5_000;
const DEFAULT_RETRIES = 3;
/** What is kept of probes: the last results, and so much of each one's output. */
const MAX_RESULTS = 5;
const MAX_OUTPUT_BYTES = 4096;

/** The probe's command; undefined when there is to be none. */
export function probeCommand(health: HealthConfig | null | undefined): string[] | undefined {
  const [kind, ...rest] = health?.Test ?? [];
  if (kind === "CMD") return rest;
  if (kind === "CMD-SHELL") return ["/bin/sh", "-c", rest[0] ?? ""];
  return undefined;
}

const msOf = (ns: number | null | undefined, otherwise: number) =>
  ns ? ns * MS_PER_NS : otherwise;

/** Starts to probe a container that has just been started, if it has a health check. */
export function watchHealth(daemon: Daemon, container: Container): void {
  const { config, state } = container.record;
  if (!probeCommand(config.Healthcheck)) return;
  state.health = { Status: "starting", FailingStreak: 0, Log: [] };
  schedule(daemon, container);
}

/** The run has ended: no more probes. */
export function stopHealth(daemon: Daemon, container: Container): void {
  daemon.clearTimer(`health ${container.id}`);
  probesEnd(container);
}

/** A container that is not probed, also one that is paused, counts as ill: so dockerd has it. */
export function probesEnd(container: Container): void {
  const { health } = container.record.state;
  if (health && health.Status !== "none") health.Status = "unhealthy";
}

/** Takes up the probes of a container that ran on while the daemon was away. */
export function resumeHealth(daemon: Daemon, container: Container): void {
  if (probeCommand(container.record.config.Healthcheck)) schedule(daemon, container);
}

function inStartPeriod(container: Container): boolean {
  const { config, state } = container.record;
  const period = msOf(config.Healthcheck?.StartPeriod, 0);
  return Date.now() - Date.parse(state.startedAt) < period;
}

function schedule(daemon: Daemon, container: Container): void {
  const { config, state } = container.record;
  const check = config.Healthcheck;
  const starting = state.health?.Status === "starting" && inStartPeriod(container);
  const ms = starting
    ? msOf(check?.StartInterval, DEFAULT_START_INTERVAL_MS)
    : msOf(check?.Interval, DEFAULT_INTERVAL_MS);
  daemon.setTimer(`health ${container.id}`, ms, async () => {
    const { id, task } = container;
    if (!task || container.record.state.paused) {
      if (task) schedule(daemon, container);
      return;
    }
    const result = await probe(daemon, container);
    if (container.task !== task || !daemon.containers.get(id)) return;
    judge(daemon, container, result);
    schedule(daemon, container);
  });
}

interface ProbeResult {
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

async function probe(daemon: Daemon, container: Container): Promise<ProbeResult> {
  const check = container.record.config.Healthcheck;
  const Start = nowText();
  const timeoutMs = msOf(check?.Timeout, DEFAULT_TIMEOUT_MS);
  try {
    const body = { Cmd: probeCommand(check) ?? [], AttachStdout: true, AttachStderr: true };
    const { Id } = await execCreate(daemon, container.id, body, {});
    const streams = await execStart(daemon, Id, {}, {});
    const exec = daemon.execs.find(Id);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      const ids = { containerId: container.id, execId: Id };
      const kill = { ...ids, signal: SIGKILL, all: false };
      daemon.services.tasks.kill(kill, daemon.call()).catch(() => undefined);
    }, timeoutMs);
    let output = "";
    for await (const { data } of streams!.output) {
      if (output.length < MAX_OUTPUT_BYTES) output += Buffer.from(data).toString("utf8");
    }
    await exec.exited;
    clearTimeout(timer);
    const End = nowText();
    if (timedOut) {
      const text = `Health check exceeded timeout (${timeoutMs / 1000}s)`;
      return { Start, End, ExitCode: -1, Output: output ? `${text}: ${output}` : text };
    }
    return { Start, End, ExitCode: exec.exitCode ?? -1, Output: output.slice(0, MAX_OUTPUT_BYTES) };
  } catch (error) {
    const Output = error instanceof Error ? error.message : String(error);
    return { Start, End: nowText(), ExitCode: -1, Output };
  }
}

function judge(daemon: Daemon, container: Container, result: ProbeResult): void {
  const { state, config } = container.record;
  const health: HealthView = state.health ?? { Status: "starting", FailingStreak: 0, Log: [] };
  state.health = health;
  const before = health.Status;
  health.Log = [...health.Log, result].slice(-MAX_RESULTS);
  if (result.ExitCode === 0) {
    health.FailingStreak = 0;
    health.Status = "healthy";
  } else {
    // Failures while it starts are expected and do not count.
    if (before !== "starting" || !inStartPeriod(container)) health.FailingStreak++;
    if (health.FailingStreak >= (config.Healthcheck?.Retries || DEFAULT_RETRIES)) {
      health.Status = "unhealthy";
    }
  }
  container.save();
  if (health.Status !== before) {
    daemon.events.container(container, `health_status: ${health.Status}`);
  }
}
