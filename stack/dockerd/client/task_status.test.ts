import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ProcessSchema, Status } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { certainTask, isAlive } from "./task_status.ts";

const process = (status: Status) => create(ProcessSchema, { id: "c", status });
const container = { id: "c", record: { state: { pid: 0 } } } as unknown as Container;

function daemonThatAnswers(answers: Status[]): Daemon {
  const get = async () => ({ process: process(answers.shift() ?? Status.UNKNOWN) });
  return {
    services: { tasks: { get } },
    call: () => ({}),
    closing: new AbortController(),
  } as unknown as Daemon;
}

test("a task whose shim is slow is asked for again, not taken for ended", async () => {
  const daemon = daemonThatAnswers([Status.RUNNING]);
  expect(isAlive(await certainTask(daemon, container, process(Status.UNKNOWN)))).toBe(true);
});

test("what is certain is not asked for", async () => {
  const daemon = daemonThatAnswers([]);
  expect(await certainTask(daemon, container, undefined)).toBeUndefined();
  const stopped = await certainTask(daemon, container, process(Status.STOPPED));
  expect(isAlive(stopped)).toBe(false);
});
