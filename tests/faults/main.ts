import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sweepSandboxes } from "../lib/sandbox.ts";
import { examineRow, isGood } from "./examine_row.ts";
import type { FaultRow } from "./fault_row.ts";
import { FaultStack, type StackKind } from "./fault_stack.ts";
import { runLookAlikes } from "./look_alikes.ts";
import { runPairs } from "./random_pairs.ts";
import { FAULT_ROWS } from "./rows.ts";
import { type RowResult, writeTable } from "./write_table.ts";

async function runStack(
  kind: StackKind,
  networked: boolean,
  all: readonly FaultRow[],
): Promise<RowResult[]> {
  const results: RowResult[] = [];
  const rows = all.filter(
    (row) => row.stacks.includes(kind) && (row.networked === true) === networked,
  );
  if (rows.length === 0) return results;
  const stack = await FaultStack.start(kind, networked);
  try {
    for (const row of rows) {
      const result = await examineRow(stack, row);
      results.push(result);
      const time = `${result.milliseconds.toFixed(0)} ms`;
      console.log(
        `${kind.padEnd(8)} ${row.id.padEnd(20)} ${result.found}; look-alike ` +
          `${result.lookAlike}${result.own && `; own errors say ${result.own}`} (${time})`,
      );
    }
  } finally {
    await stack.sandbox.close();
  }
  return results;
}

const FLAGS_WITH_VALUE = ["--look-alikes", "--pairs", "--seed"];

function flag(args: string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const kinds = (["genuine", "catena"] as const).filter(
    (kind) => args.includes(`--${kind}`) || !args.some((arg) => /^--(genuine|catena)$/.test(arg)),
  );
  const values = FLAGS_WITH_VALUE.map((name) => flag(args, name));
  const named = args.filter((arg) => !arg.startsWith("--") && !values.includes(arg));
  const rows = FAULT_ROWS.filter((row) => named.length === 0 || named.includes(row.id));
  const pairs = Number(flag(args, "--pairs") ?? 0);
  if (pairs > 0) {
    const seed = Number(flag(args, "--seed") ?? Date.now() % 1_000_000);
    process.exitCode = (await runPairs(kinds, pairs, seed)) === 0 ? 0 : 1;
    return;
  }
  const rounds = Number(flag(args, "--look-alikes") ?? 0);
  if (rounds > 0) {
    process.exitCode = (await runLookAlikes(kinds, rounds)) === 0 ? 0 : 1;
    return;
  }
  await sweepSandboxes();
  const results: RowResult[] = [];
  for (const kind of kinds) {
    for (const networked of [false, true]) results.push(...(await runStack(kind, networked, rows)));
  }
  if (named.length === 0 && kinds.length === 2) {
    writeFileSync(join(import.meta.dir, "..", "..", "docs", "faults.md"), writeTable(results));
  }
  const bad = results.filter((result) => !isGood(result));
  console.log(`${results.length - bad.length} of ${results.length} rows as they should be`);
  process.exitCode = bad.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
