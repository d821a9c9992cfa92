import { expect, test } from "bun:test";
import { functionsOf, functionsOfC, importsOf } from "./source_files.ts";

const lines = (text: string) => text.split("\n");

test("functions, methods and arrows are found with their lengths", () => {
  const found = functionsOf(
    lines(`export function one(a: number): void {
  two(a);
}

class Three {
  async four(
    b: string,
  ): Promise<void> {
    if (b) {
      five();
    }
  }
}

export const six = async (c: number) => {
  seven(c);
};

function eight({ d }: { d: string }): void {
  nine({
    d,
  });
}
`),
  );
  expect(found.map(({ name, length }) => `${name} ${length}`)).toEqual([
    "one 3",
    "four 7",
    "six 3",
    "eight 5",
  ]);
});

test("C functions are found, also with long signatures", () => {
  const found = functionsOfC(
    lines(`static int one(void) {
  return 1;
}

int two(const char *name,
        int count) {
  if (count) {
    return 0;
  }
  return 1;
}
`),
  );
  expect(found.map(({ length }) => length)).toEqual([3, 6]);
});

test("imports are resolved to paths of the checkout", () => {
  const text = `import { a } from "#lib/errors/frame.ts";
import type {
  B,
} from "../wire.ts";
export * from "./c.ts";
/* import "./not.ts" */
require("./d.ts").main();
import fs from "node:fs";
`;
  const file = { path: "stack/runc/process/x.ts", text, lines: lines(text) };
  expect(importsOf(file).sort()).toEqual([
    "lib/errors/frame.ts",
    "node:fs",
    "stack/runc/process/c.ts",
    "stack/runc/process/d.ts",
    "stack/runc/wire.ts",
  ]);
});
