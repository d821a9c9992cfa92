import type { Container } from "../container/container.ts";

/** A duration as docker tells it to people: "About a minute", "3 hours". */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** The STATUS column of `docker ps`. */
export function statusLine(container: Container, nowMs: number): string {
  const { state } = container.record;
  const since = (time: string) => humanDuration(Math.max(0, nowMs - Date.parse(time)));
  if (state.running) {
    if (state.paused) return `Up ${since(state.startedAt)} (Paused)`;
    if (state.restarting) return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    const health = state.health && state.health.Status !== "none" ? state.health.Status : undefined;
    const shown = health === "starting" ? "health: starting" : health;
    return `Up ${since(state.startedAt)}${shown ? ` (${shown})` : ""}`;
  }
  if (container.status === "removing") return "Removal In Progress";
  if (state.dead) return "Dead";
  if (container.status === "created") return "Created";
  return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
}
