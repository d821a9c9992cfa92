import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../tests/lib/random.ts";
import type { ContainerWatch } from "./container_watch.ts";
import { containerMark } from "./history_block.ts";
import { BLOCK_MS, HistoryRing } from "./history_ring.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-history-"));
afterAll(() => rmSync(folder, { recursive: true }));

const START = 1_800_000_000_000;
const DAY_BLOCKS = 5_760;
/** What RingStore keeps of a folder. */
const RING_BYTES = 48 * 1024 * 1024;
const COUNT = 200;
const ROUNDS = 40;

test("a day of 200 busy containers fits into the ring, and each is found again", async () => {
  const random = new Random(7);
  const hex = () => Array.from({ length: 64 }, () => random.below(16).toString(16)).join("");
  const watches = Array.from({ length: COUNT }, () => {
    const id = hex();
    const key = `/docker/${id}`;
    const container = { key, id, name: id.slice(0, 12) };
    return { container, mark: containerMark(key), latest: {} };
  });
  const ring = new HistoryRing(folder);
  for (let round = 0; round < ROUNDS; round++) {
    for (const watch of watches) {
      const threads = 20 + random.below(200);
      watch.latest = {
        threads,
        threadsMax: 4096,
        processes: 3,
        tightest: { open: 30 + random.below(100) },
        workingSetBytes: random.below(1 << 30),
        memoryMaxBytes: Number.POSITIVE_INFINITY,
        cpuSeconds: round * 15 * random.next(),
        forksRefused: 0,
        oomKills: 0,
        byName: [{ process: "java", threads, processes: 1 }],
      };
    }
    ring.add(START + round * BLOCK_MS, watches as unknown as ContainerWatch[]);
    ring.flush();
  }
  const bytes = readdirSync(folder)
    .map((name) => statSync(join(folder, name)).size)
    .reduce((sum, size) => sum + size);
  expect((bytes / ROUNDS) * DAY_BLOCKS).toBeLessThanOrEqual(RING_BYTES);
  const last = watches[COUNT - 1]!;
  const rows = await ring.rowsOf(last.container.key, 0);
  expect(rows).toHaveLength(ROUNDS);
  expect(rows.at(-1)).toMatchObject({ threadsMax: 4096, memoryMaxBytes: null, processes: 3 });
  expect(await ring.rowsOf("/docker/nobody", 0)).toEqual([]);
});
