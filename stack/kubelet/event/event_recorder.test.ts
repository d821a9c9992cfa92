import { expect, test } from "bun:test";
import { Log } from "#lib/log/log.ts";
import { EventRecorder } from "./event_recorder.ts";

const object = { kind: "Pod" as const, name: "p", namespace: "d", uid: "u" };

function setUp() {
  const clock = { now: 0 };
  const lines: string[] = [];
  const log = Object.assign(new Log("kubelet", "error"), {
    warn: (message: string) => lines.push(message),
  });
  return { clock, lines, recorder: new EventRecorder(log, () => clock.now) };
}

test("what says the same but for ids and numbers is one event with a count", () => {
  const { recorder, lines } = setUp();
  for (let i = 0; i < 100; i++) {
    const message = `exec ${String(i).padStart(64, "a")} failed after ${i} ms`;
    recorder.record({ object, type: "Warning", reason: "Failed", message });
  }
  expect(recorder.list()).toHaveLength(1);
  expect(recorder.list()[0]!.count).toBe(100);
  expect(lines).toHaveLength(3);
});

test("what happened an hour ago is forgotten", () => {
  const { recorder, clock } = setUp();
  recorder.record({ object, type: "Warning", reason: "A", message: "a" });
  clock.now = 3_600_001;
  recorder.record({ object, type: "Warning", reason: "B", message: "b" });
  expect(recorder.list().map(({ reason }) => reason)).toEqual(["B"]);
});

test("there are never more than two thousand", () => {
  const { recorder } = setUp();
  for (let i = 0; i < 2_500; i++) {
    const uid = `u${i}`;
    recorder.record({ object: { ...object, uid }, type: "Warning", reason: "A", message: "a" });
  }
  expect(recorder.list()).toHaveLength(2_000);
});
