import { expect, test } from "bun:test";
import { FailureCounter } from "./failure_counter.ts";
import { DockerEventReader, taskEnded } from "./watched_event.ts";

const ID = "a".repeat(64);

function event(action: string, attributes: Record<string, string> = {}): string {
  return JSON.stringify({ Action: action, Actor: { ID: ID, Attributes: attributes } });
}

test("an end that nobody asked for is a failure, one after a signal is none", () => {
  const reader = new DockerEventReader();
  const died = event("die", { name: "web", exitCode: "137" });
  expect(reader.read(died)?.line).toBe("container web: its program ended with exit code 137");
  reader.read(event("kill", { signal: "9" }));
  expect(reader.read(died)).toBeUndefined();
  expect(reader.read(event("die", { exitCode: "0" }))).toBeUndefined();
});

test("full memory and a failing health check are told, other events and torn lines are not", () => {
  const reader = new DockerEventReader();
  expect(reader.read(event("oom"))?.key).toStartWith("oom");
  expect(reader.read(event("health_status: unhealthy"))?.key).toStartWith("health");
  expect(reader.read(event("start"))).toBeUndefined();
  expect(reader.read('{"Action":')).toBeUndefined();
  expect(reader.read("7")).toBeUndefined();
});

test("a containerd's task that was stopped or did its work did not fail", () => {
  expect(taskEnded("c1", 1)?.id).toBe("c1");
  for (const code of [0, 137, 143]) expect(taskEnded("c1", code)).toBeUndefined();
});

test("the same failure of the same container is told once", () => {
  const counter = new FailureCounter();
  const failed = taskEnded("c1", 1)!;
  expect(counter.firstTime(failed)?.ids).toEqual(["c1"]);
  expect(counter.firstTime(failed)).toBeUndefined();
  expect(counter.summary()).toEqual([{ key: "exit 1 c1", count: 2 }]);
});
