import { expect, test } from "bun:test";
import { readTextIfAny } from "#lib/linux/file.ts";
import { killProcessGroup } from "./process_group.ts";

/** Pids that the script prints: its own, a child's, and one that left the session. */
const SCRIPT = "sleep 1000 & c=$!; setsid sleep 1000 & d=$!; sleep 0.1; echo $$ $c $d; wait";

function lives(pid: number): boolean {
  const state = readTextIfAny(`/proc/${pid}/stat`)?.split(") ")[1]?.[0];
  return state !== undefined && state !== "Z";
}

test("a process, its children and those in other sessions are killed", async () => {
  const child = Bun.spawn(["setsid", "sh", "-c", SCRIPT], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const pids = Buffer.from(value!).toString().trim().split(" ").map(Number);
  expect(pids).toHaveLength(3);
  expect(killProcessGroup(pids[0]!)).toBeGreaterThanOrEqual(3);
  await child.exited;
  expect(pids.filter(lives)).toEqual([]);
});

test("one that is gone is no failure", () => {
  expect(killProcessGroup(2 ** 22 + 1)).toBe(0);
});
