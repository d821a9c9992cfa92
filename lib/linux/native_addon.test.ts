import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

test("no two functions of the addon share a name: the later would replace the earlier", () => {
  const folder = join(import.meta.dir, "native");
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".c"))
    .flatMap((file) => [
      ...readFileSync(join(folder, file), "utf8").matchAll(/\{"(\w+)",\s*call_\w+\}/g),
    ])
    .map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
