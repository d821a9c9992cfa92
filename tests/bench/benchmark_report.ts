import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { type CommandPart, renderParts } from "./command_parts.ts";
import { GENUINE_STACK, OUR_STACK } from "./docker_bench.ts";
import { median, quantile, type Timing } from "./measure_in_turn.ts";
import type { MemoryUse } from "./memory_bench.ts";
import { renderSeeing, type SeeingCost } from "./seeing_cost.ts";

/** One line of the table: what was timed, whom ours is compared with, and what is to be reached. */
export interface Comparison {
  what: string;
  ours: string;
  genuine: string;
  timings: Timing[];
  /** How many times faster ours is to be. */
  goal?: number;
}

export interface Report {
  comparisons: Comparison[];
  parts: CommandPart[];
  memory: MemoryUse[];
  seeing: SeeingCost;
  versions: string[];
  /** Why ours could not be measured. */
  missing: string | undefined;
}

/** BENCHMARKS.md as text. */
export function renderReport(report: Report): string {
  return `# Benchmarks

Written by \`npm run bench\`: ours and the genuine stack in turn within one run, idle gaps between
samples, medians with the middle half of the samples in brackets. "Cold" is after a second's
pause, "warm" is back to back.

${machine(report.versions)}
${report.missing === undefined ? "" : `\nOurs was not measured: ${report.missing}\n`}
## Latency

| what | genuine, ms | ours, ms | ratio | goal |
|---|---|---|---|---|
${report.comparisons.map(renderComparison).join("\n")}

${renderParts(report.parts)}
## Private memory

Private_Clean + Private_Dirty of smaps_rollup, idle containers.

| stack | containers | daemons, MB | shims and keepers, MB | of which keepers |
|---|---|---|---|---|
${report.memory.map(renderMemory).join("\n")}

${renderSeeing(report.seeing)}`;
}

function renderComparison({ what, ours, genuine, timings, goal }: Comparison): string {
  const find = (name: string) => timings.find((timing) => timing.name === name);
  const [theirs, mine] = [find(genuine), find(ours)];
  const ratio =
    theirs && mine ? `${(median(theirs.samplesMs) / median(mine.samplesMs)).toFixed(1)} ×` : "–";
  const cells = [what, renderTiming(theirs), renderTiming(mine), ratio, goal ? `${goal} ×` : "–"];
  return `| ${cells.join(" | ")} |`;
}

function renderTiming(timing: Timing | undefined): string {
  if (!timing) return "–";
  const at = (q: number) => quantile(timing.samplesMs, q).toFixed(1);
  return `${at(0.5)} (${at(0.25)}–${at(0.75)})`;
}

function renderMemory(use: MemoryUse): string {
  const mb = (kb: number) => (kb / 1024).toFixed(1);
  const counts = `${use.shimCount} shims, ${use.keeperCount} keepers: ${mb(use.shimsKb)}`;
  const cells = [use.name, use.containers, mb(use.daemonsKb), counts, mb(use.keepersKb)];
  return `| ${cells.join(" | ")} |`;
}

function machine(versions: string[]): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  const system = readFileSync("/etc/os-release", "utf8").match(/^PRETTY_NAME="(.*)"$/m)?.[1];
  const lines = [
    `${cpus().length} × ${model}, ${memory} GB, ${system}, Linux ${release().split("-")[0]}.`,
    // What else ran: ratios bear it better than milliseconds do.
    `Load average (15 minutes) at the end of the run: ${loadavg()[2]?.toFixed(1)}.`,
    `Genuine: ${versions.join("; ")}.`,
    `"genuine" is ${GENUINE_STACK}, "ours" is \`${OUR_STACK}\`, unless a line says otherwise.`,
  ];
  return lines.join("\n");
}
