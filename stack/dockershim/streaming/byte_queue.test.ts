import { expect, test } from "bun:test";
import { ByteQueue } from "./byte_queue.ts";

const bytes = (text: string) => Buffer.from(text);

test("what was pushed is read, to the end", async () => {
  const queue = new ByteQueue();
  await queue.push(bytes("a"));
  await queue.push(bytes("b"));
  queue.end();
  await queue.push(bytes("late"));
  const seen: string[] = [];
  for await (const piece of queue) seen.push(Buffer.from(piece).toString());
  expect(seen).toEqual(["a", "b"]);
});

test("a writer waits for a slow reader, and not for one that left", async () => {
  const queue = new ByteQueue(4);
  let through = false;
  const pushing = queue.push(bytes("too much")).then(() => {
    through = true;
  });
  await Bun.sleep(5);
  expect(through).toBe(false);
  for await (const _ of queue) break;
  await pushing;
  expect(through).toBe(true);
});
