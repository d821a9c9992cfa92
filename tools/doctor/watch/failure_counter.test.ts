import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailureCounter } from "./failure_counter.ts";
import { LogFollower } from "./log_follower.ts";

const failure = (id: string) => `Error running exec ${id}: read init-p: connection reset by peer`;

test("a failure is told once and counted after; echoes are not told", () => {
  const counter = new FailureCounter();
  expect(counter.firstTimes([failure("a".repeat(64))])).toHaveLength(1);
  expect(counter.firstTimes([failure("b".repeat(64)), failure("c".repeat(64))])).toHaveLength(0);
  expect(counter.firstTimes(["stream copy error: reading from a closed fifo"])).toHaveLength(0);
  expect(counter.summary()[0]?.count).toBe(3);
});

test("where each counts, the same failure of another exec is told, its echo is not", () => {
  const counter = new FailureCounter({ each: true });
  const lines = [failure("a".repeat(64)), failure("b".repeat(64)), failure("a".repeat(64))];
  expect(counter.firstTimes(lines).map(({ ids }) => ids[0]![0])).toEqual(["a", "b"]);
  expect(counter.firstTimes(["stream copy error: reading from a closed fifo"])).toHaveLength(0);
});

test("a log is followed from its end, over a truncation, line by whole line", () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-watch-"));
  const path = join(folder, "log");
  writeFileSync(path, "old\n");
  const follower = new LogFollower(path);
  appendFileSync(path, "one\ntw");
  expect(follower.take()).toEqual(["one"]);
  appendFileSync(path, "o\n");
  expect(follower.take()).toEqual(["two"]);
  writeFileSync(path, "new\n");
  expect(follower.take()).toEqual(["new"]);
  rmSync(folder, { recursive: true });
});
