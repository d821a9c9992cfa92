import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RingStore } from "./ring_store.ts";

const ROOT = mkdtempSync(join(tmpdir(), "catena-ring-"));
afterAll(() => rmSync(ROOT, { recursive: true }));

interface Block {
  at: number;
}
const HALF_HOUR = 30 * 60_000;
const START = 1_800_000_000_000;

function store(name: string, maxBytes?: number) {
  const folder = join(ROOT, name);
  return { folder, ring: new RingStore<Block>({ folder, ...(maxBytes && { maxBytes }) }) };
}

async function placesOf(ring: RingStore<Block>, sinceMs: number, every = 1): Promise<number[]> {
  const blocks = await Array.fromAsync(ring.read(sinceMs, every));
  return blocks.map(({ at }) => at);
}

test("blocks come back in order, across files", async () => {
  const { ring } = store("order");
  for (let index = 0; index < 5; index++) {
    ring.append(START + index * HALF_HOUR, { at: index });
  }
  expect(await placesOf(ring, 0)).toEqual([0, 1, 2, 3, 4]);
  expect(await placesOf(ring, START + 3 * HALF_HOUR)).toEqual([3, 4]);
  expect(await placesOf(ring, 0, 2)).toEqual([0, 2, 4]);
});

test("a torn block and a wrong one are left out, what came before stays", async () => {
  const { ring, folder } = store("torn");
  for (let index = 0; index < 3; index++) ring.append(START + index, { at: index });
  const path = join(folder, readdirSync(folder)[0]!);
  truncateSync(path, statSync(path).size - 2);
  expect(await placesOf(ring, 0)).toEqual([0, 1]);
  appendFileSync(path, "not a block");
  expect(await placesOf(ring, 0)).toEqual([0, 1]);
  // The next writer cuts the torn end off, so that what it adds can be read.
  new RingStore<Block>({ folder }).append(START + 9, { at: 9 });
  expect(await placesOf(ring, 0)).toEqual([0, 1, 9]);
});

test("files older than a day go, and all together stay below their size", async () => {
  const aged = store("aged");
  aged.ring.append(START, { at: 0 });
  aged.ring.append(START + 25 * 3600_000, { at: 1 });
  expect(await placesOf(aged.ring, 0)).toEqual([1]);
  const small = store("small", 200);
  for (let index = 0; index < 40; index++) {
    small.ring.append(START + index * HALF_HOUR, { at: index });
  }
  const bytes = readdirSync(small.folder).map((name) => statSync(join(small.folder, name)).size);
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(200);
  expect((await placesOf(small.ring, 0)).at(-1)).toBe(39);
});
