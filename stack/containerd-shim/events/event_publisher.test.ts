import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Events } from "#gen/wire/task-ttrpc/proto/events_pb.ts";
import { TtrpcDispatch } from "#wire/task-ttrpc/server/ttrpc_dispatch.ts";
import { serveTtrpc, type TtrpcServer } from "#wire/task-ttrpc/server/ttrpc_server.ts";
import { EventPublisher } from "./event_publisher.ts";

const WAIT_MS = 5_000;
const EVENT = { typeUrl: "none", value: new Uint8Array() };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A containerd that notes the topics that come, and answers when told. */
class Receiver {
  readonly path: string;
  readonly topics: string[] = [];
  readonly answers: (() => void)[] = [];
  answering = true;
  #server: TtrpcServer | undefined;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), "publisher-"));
    this.path = join(folder, "s");
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    cleanups.push(() => this.stop());
  }

  start(): void {
    const dispatch = new TtrpcDispatch("containerd").add(Events, {
      forward: async ({ envelope }) => {
        this.topics.push(envelope?.topic ?? "");
        if (!this.answering) await new Promise<void>((resolve) => this.answers.push(resolve));
        return {};
      },
    });
    this.#server = serveTtrpc(this.path, dispatch);
  }

  stop(): void {
    this.#server?.stop(true);
    this.#server = undefined;
    rmSync(this.path, { force: true });
  }

  publisher(ordered: boolean): EventPublisher {
    return new EventPublisher({ path: this.path, namespace: "n", ordered, onDrop() {} });
  }

  async came(count: number): Promise<void> {
    const end = Date.now() + WAIT_MS;
    while (this.topics.length < count && Date.now() < end) await Bun.sleep(2);
  }
}

test("an event waits for the answer to the one before it", async () => {
  const receiver = new Receiver();
  receiver.answering = false;
  receiver.start();
  const publisher = receiver.publisher(false);
  for (const topic of ["a", "b"]) publisher.publish(topic, EVENT);
  await receiver.came(1);
  await Bun.sleep(50);
  expect(receiver.topics).toEqual(["a"]);
  receiver.answering = true;
  for (const answer of receiver.answers) answer();
  await publisher.flush(WAIT_MS);
  expect(receiver.topics).toEqual(["a", "b"]);
});

test("a containerd that keeps the order gets events without waiting", async () => {
  const receiver = new Receiver();
  receiver.answering = false;
  receiver.start();
  const publisher = receiver.publisher(true);
  const told: string[] = [];
  for (const topic of ["a", "b", "c"]) publisher.publish(topic, EVENT, () => told.push(topic));
  await receiver.came(3);
  expect([receiver.topics, told]).toEqual([["a", "b", "c"], []]);
  for (const answer of receiver.answers) answer();
  await publisher.flush(WAIT_MS);
  expect(told).toEqual(["a", "b", "c"]);
});

for (const ordered of [false, true]) {
  const kind = ordered ? "several at a time" : "one at a time";
  test(`what was not taken goes again, in order, to the next containerd (${kind})`, async () => {
    const receiver = new Receiver();
    receiver.answering = false;
    receiver.start();
    const publisher = receiver.publisher(ordered);
    let told = "";
    for (const topic of ["a", "b", "c"]) {
      publisher.publish(topic, EVENT, () => {
        told += topic;
      });
    }
    await receiver.came(ordered ? 3 : 1);
    receiver.stop();
    receiver.topics.length = 0;
    receiver.answering = true;
    receiver.start();
    await publisher.flush(WAIT_MS);
    expect([receiver.topics.join(""), told]).toEqual(["abc", "abc"]);
  });
}
