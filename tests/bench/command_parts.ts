import { existsSync, writeFileSync } from "node:fs";
import { mustRun, runCommand } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { type Contender, measureInTurn, median, type Timing } from "./measure_in_turn.ts";

/** One command of one runtime; its time holds all that the lines above it do, and more. */
export interface CommandPart {
  what: string;
  timing: Timing;
  /** The most memory that it had at once, kilobytes; undefined where it cannot be measured. */
  peakKb: number | undefined;
}

interface Command {
  what: string;
  argv: string[];
}

const GAP_MS = 100;
const GNU_TIME = "/usr/bin/time";

/**
 * What a runtime command's time is made of, from the empty program upwards: the engine's start,
 * then ours, then what a verb needs; and genuine runc's same verbs.
 */
export async function benchCommandParts(
  sandbox: Sandbox,
  commands: Command[],
  samples: number,
): Promise<CommandPart[]> {
  const all = [
    { what: "an empty program, compiled by Bun", argv: await empty(sandbox) },
    ...commands,
  ];
  const contenders = all.map(({ what, argv }): Contender => {
    return { name: what, work: () => mustEnd(argv) };
  });
  const timings = await measureInTurn(contenders, { samples, gapMs: GAP_MS });
  const parts: CommandPart[] = [];
  for (const [index, timing] of timings.entries()) {
    parts.push({ what: timing.name, timing, peakKb: await peakOf(all[index]!.argv) });
  }
  return parts;
}

async function mustEnd(argv: string[]): Promise<void> {
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const code = await child.exited;
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${code}: ${await child.stderr.text()}`);
}

/**
 * The most memory that a command had at once, kilobytes; undefined without GNU time. A child of
 * ours begins as our image and counts its pages: a small parent is needed.
 */
async function peakOf(argv: string[]): Promise<number | undefined> {
  if (!existsSync(GNU_TIME)) return undefined;
  const result = await runCommand([GNU_TIME, "-f", "peak %M", ...argv]);
  const peak = /^peak (\d+)$/m.exec(result.stderr)?.[1];
  return result.code === 0 && peak !== undefined ? Number(peak) : undefined;
}

async function empty(sandbox: Sandbox): Promise<string[]> {
  const source = sandbox.path("empty.ts");
  const program = sandbox.path("empty");
  writeFileSync(source, "export {};\n");
  await mustRun([
    process.execPath,
    "build",
    "--compile",
    "--bytecode",
    "--outfile",
    program,
    source,
  ]);
  return [program];
}

/** The table of parts. */
export function renderParts(parts: CommandPart[]): string {
  const lines = parts.map(({ what, timing, peakKb }) => {
    const time = median(timing.samplesMs).toFixed(1);
    const peak = peakKb === undefined ? "–" : (peakKb / 1024).toFixed(1);
    return `| ${what} | ${time} | ${peak} |`;
  });
  return `## What a command's time is made of

Medians. The peak is the process's own, of pages that it shares with the file cache, too.

| command | ms | peak, MB |
|---|---|---|
${lines.join("\n")}
`;
}
