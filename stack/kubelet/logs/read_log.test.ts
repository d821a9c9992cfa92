import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogRequest, readLog } from "./read_log.ts";

const folder = mkdtempSync(join(tmpdir(), "readlog-"));
const path = join(folder, "0.log");
const at = (second: number) => `2026-01-01T00:00:0${second}.5Z`;

afterAll(() => rmSync(folder, { recursive: true }));

async function read(more: Partial<LogRequest> = {}): Promise<string> {
  const signal = new AbortController().signal;
  let text = "";
  const request = { path, timestamps: false, follows: () => false, signal, ...more };
  for await (const part of readLog(request)) text += part;
  return text;
}

test("CRI's lines, split ones and Docker's JSON are read alike", async () => {
  writeFileSync(
    path,
    `${at(1)} stdout F one\n${at(2)} stderr P tw\n${at(2)} stderr F o\nnonsense\n` +
      `{"log":"three\\n","stream":"stdout","time":"${at(3)}"}\n`,
  );
  expect(await read()).toBe("one\ntwo\nthree\n");
  expect(await read({ timestamps: true, tailLines: 1 })).toBe(`${at(3)} three\n`);
  expect(await read({ sinceMs: Date.parse(at(2)) })).toBe("two\nthree\n");
  expect(await read({ limitBytes: 5 })).toBe("one\nt");
  expect(await read({ tailLines: 0 })).toBe("");
});

test("a follower gets what comes until the container ends", async () => {
  writeFileSync(path, `${at(1)} stdout F one\n`);
  let asked = 0;
  const follows = () => {
    asked += 1;
    if (asked === 1) appendFileSync(path, `${at(2)} stdout F two\n`);
    return asked < 2;
  };
  expect(await read({ follows })).toBe("one\ntwo\n");
});
