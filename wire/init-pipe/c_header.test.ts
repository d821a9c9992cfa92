import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cHeader } from "./c_header.ts";
import { LAYOUT } from "./layout.ts";

test("init's C header is the one that the layout gives", () => {
  const path = join(import.meta.dir, "../../stack/runc/init/plan_format.h");
  expect(readFileSync(path, "utf8")).toBe(cHeader());
});

test("no two operations share a number", () => {
  const codes = Object.values(LAYOUT).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});
