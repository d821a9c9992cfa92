import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { recogniseMessages } from "./recognise_message.ts";

/** Rows of message_corpus.tsv: the link, the cause, and the text as the tool prints it. */
const ROWS = readFileSync(join(import.meta.dir, "message_corpus.tsv"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("\t") as [link: string, cause: string, text: string]);

test.each(ROWS)("%s, %s: %s", (link, cause, text) => {
  const known = recogniseMessages(text)[0]?.known ?? [];
  const causes = known.flatMap((one) => one.causes.map(({ id }) => id));
  const isEcho = known.some(({ echo }) => echo) && causes.length === 0;
  expect(isEcho ? ["echo"] : causes).toContain(cause);
  expect(known.flatMap(({ links }) => links)).toContain(link);
});

test("the corpus holds messages of many tools and eras, each once", () => {
  expect(new Set(ROWS.map(([, , text]) => text)).size).toBe(ROWS.length);
  expect(ROWS.length).toBeGreaterThan(100);
});
