import { describe, expect, test } from "bun:test";
import { BROKEN_FACTS } from "./broken_facts.ts";
import { causeOf } from "./healthy_facts.ts";

describe("each fault is named by its evidence", () => {
  test.each(BROKEN_FACTS)("%s", (id, change) => {
    expect(causeOf(change)).toBe(id);
  });
});
