import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SampleStore } from "./sample_store.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-samples-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("samples outlive the process, a few of them, over their whole time", () => {
  const state = join(folder, "kept");
  const store = new SampleStore(state);
  for (let minute = 0; minute < 40; minute++) {
    store.add("pids:/x", { timeMs: minute * 60_000, value: minute });
  }
  store.save();
  const later = new SampleStore(state);
  later.load(41 * 60_000);
  const samples = later.of("pids:/x");
  expect(samples.length).toBe(12);
  expect(samples[0]?.value).toBe(0);
  expect(samples.at(-1)?.value).toBe(39);
});

test("a file that is not ours, samples of the future and a missing folder count as nothing", () => {
  const state = join(folder, "odd");
  mkdirSync(join(state, "doctor"), { recursive: true });
  writeFileSync(join(state, "doctor", "levels.json"), '{"a":[{"timeMs":9e15,"value":1}],"b":7}');
  const store = new SampleStore(state);
  store.load(1000);
  expect(store.of("a")).toEqual([]);
  expect(store.of("b")).toEqual([]);
  writeFileSync(join(state, "doctor", "levels.json"), "{torn");
  store.load(1000);
  new SampleStore("/proc/nowhere").save();
});
