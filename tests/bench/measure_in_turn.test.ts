import { expect, test } from "bun:test";
import { measureInTurn, median, quantile } from "./measure_in_turn.ts";

test("contenders take turns, and who is first changes", async () => {
  const order: string[] = [];
  const contender = (name: string) => ({
    name,
    work: async () => {
      order.push(name);
    },
  });
  const timings = await measureInTurn([contender("a"), contender("b")], { samples: 3, gapMs: 0 });
  expect(order.join("")).toBe("ab" + "ab" + "ba" + "ab");
  expect(timings.map(({ samplesMs }) => samplesMs.length)).toEqual([3, 3]);
});

test("a burst is one contender's turn", async () => {
  let order = "";
  const contender = (name: string) => ({
    name,
    work: async () => {
      order += name;
    },
  });
  await measureInTurn([contender("a"), contender("b")], { samples: 4, gapMs: 0, burst: 2 });
  expect(order).toBe("ab" + "aabb" + "bbaa");
});

test("quantiles lie between neighbours", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
});
