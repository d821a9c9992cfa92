import { expect, test } from "bun:test";
import { OutputHub } from "./output_hub.ts";

const chunk = (stream: 1 | 2, text: string) => ({ stream, data: Buffer.from(text) });

async function collect(reader: AsyncIterable<{ data: Uint8Array }>): Promise<string> {
  let text = "";
  for await (const { data } of reader) text += Buffer.from(data).toString();
  return text;
}

test("every reader gets what comes after it came, of the streams it wants", async () => {
  const hub = new OutputHub();
  hub.push(chunk(1, "lost"));
  const both = collect(hub.subscribe());
  const errors = collect(hub.subscribe([2]));
  hub.push(chunk(1, "a"));
  hub.push(chunk(2, "b"));
  hub.end();
  expect(await both).toBe("ab");
  expect(await errors).toBe("b");
  expect(hub.readers).toBe(0);
});

test("a full reader makes the writer wait until it reads or leaves", async () => {
  const hub = new OutputHub();
  const reader = hub.subscribe();
  expect(hub.push(chunk(1, "x"))).toBeUndefined();
  const wait = hub.push({ stream: 1, data: new Uint8Array(1024 * 1024) });
  expect(wait).toBeInstanceOf(Promise);
  await reader.return();
  await wait;
  expect(hub.push(chunk(1, "x"))).toBeUndefined();
});
