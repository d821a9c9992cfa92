import { afterAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { examineRow } from "./examine_row.ts";
import { FaultStack, type StackKind } from "./fault_stack.ts";
import { FAULT_ROWS } from "./rows.ts";

const LIMIT_MS = 120_000;
/** A row of each kind, those that take a second or two; `npm run faults` injects them all. */
const QUICK = [
  "pids-cgroup-full",
  "shim-nofile",
  "memcg-oom-app",
  "paused",
  "state-damaged",
  "exec-not-found",
  "socket-gone",
  "keeper-hung",
];

for (const kind of ["genuine", "catena"] as const) {
  const reason = reasonToSkip(
    kind === "genuine"
      ? ["genuine containerd", "genuine dockerd", "genuine runc", "docker cli"]
      : ["catena daemon", "docker cli"],
  );
  describe(`on the ${kind} stack`, () => faultTests(kind, reason));
}

function faultTests(kind: StackKind, reason: string | undefined): void {
  const because = reason === undefined ? "" : ` (skipped: ${reason})`;
  let stack: Promise<FaultStack> | undefined;

  afterAll(async () => {
    await (await stack)?.sandbox.close();
  }, LIMIT_MS);

  for (const row of FAULT_ROWS) {
    if (!QUICK.includes(row.id) || !row.stacks.includes(kind)) continue;
    test.skipIf(reason !== undefined)(
      `${row.id} is named, and not on a look-alike${because}`,
      async () => {
        stack ??= FaultStack.start(kind);
        const { found, lookAlike, own } = await examineRow(await stack, row);
        expect({ found, lookAlike }).toEqual({ found: "ok", lookAlike: "ok" });
        expect(own).not.toStartWith("WRONG");
      },
      LIMIT_MS,
    );
  }
}
