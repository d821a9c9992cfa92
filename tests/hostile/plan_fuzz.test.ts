import { expect, test } from "bun:test";
import { fuzzPlans } from "./fuzz/run_fuzz.ts";

// A few of what `npm run fuzz` tries by the hundred thousand.

test("mutated documents are planned within the root, or refused by the JSON path at fault", () => {
  const named = process.env["CATENA_SEED"];
  const first = named === undefined ? Date.now() >>> 0 : Number(named);
  const { planned, refused, failures } = fuzzPlans(first, named === undefined ? 3000 : 1);
  expect(failures).toEqual([]);
  expect(planned + refused).toBe(named === undefined ? 3000 : 1);
});
