import { expect, test } from "bun:test";
import { ContainerCreateSchema } from "#gen/wire/containerd-api/proto/events/container_pb.ts";
import { TaskExitSchema } from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import { EventBus } from "./event_bus.ts";

async function collect(stream: AsyncIterable<{ topic: string }>): Promise<string[]> {
  const topics: string[] = [];
  for await (const { topic } of stream) topics.push(topic);
  return topics;
}

function publishSome(bus: EventBus): void {
  bus.publish("a", "/tasks/exit", TaskExitSchema, { containerId: "one", exitStatus: 3 });
  bus.publish("b", "/tasks/exit", TaskExitSchema, { containerId: "two" });
  bus.publish("a", "/containers/create", ContainerCreateSchema, {
    id: "one",
    runtime: { name: "runc" },
  });
}

test.each([
  [[], 3],
  [["namespace==a"], 2],
  [["namespace==a,topic~=|^/tasks/|"], 1],
  [["event.container_id==two"], 1],
  [["event.runtime.name==runc"], 1],
  [["event.nothing"], 0],
])("filters %p let %p pass", async (filters, count) => {
  const bus = new EventBus();
  const topics = collect(bus.subscribe(filters));
  publishSome(bus);
  bus.close();
  expect(await topics).toHaveLength(count);
});

test("a subscription ends with its signal and hears nothing from before", async () => {
  const bus = new EventBus();
  publishSome(bus);
  const leave = new AbortController();
  const topics = collect(bus.subscribe([], leave.signal));
  leave.abort();
  publishSome(bus);
  expect(await topics).toEqual([]);
});

test("after a restart subscribers hear of the ends of tasks that they missed", async () => {
  const bus = new EventBus(60_000);
  publishSome(bus);
  const topics = collect(bus.subscribe(["namespace==a"]));
  bus.publish("a", "/tasks/exit", TaskExitSchema, { containerId: "late" });
  bus.close();
  expect(await topics).toEqual(["/tasks/exit", "/tasks/exit"]);
});

test("a subscriber that does not read is cut off", async () => {
  const bus = new EventBus();
  const stream = bus.subscribe([]);
  for (let i = 0; i < 16_385; i++) {
    bus.publish("a", "/tasks/exit", TaskExitSchema, { containerId: "x" });
  }
  expect(collect(stream)).rejects.toThrow("unread");
});

test.each(["", "x", "/", "/a//b", "/a b"])("topic %p is refused", (topic) => {
  const bus = new EventBus();
  const envelope = { $typeName: "containerd.types.Envelope", namespace: "a", topic } as const;
  expect(() => bus.forward(envelope)).toThrow("envelope topic");
});
