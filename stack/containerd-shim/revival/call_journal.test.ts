import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CallJournal } from "./call_journal.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
  path = join(folder, "s.calls");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);

test("what was asked and not answered is known to the next one", () => {
  const journal = new CallJournal(path);
  journal.asked(1, 1, bytes("create"));
  journal.asked(1, 3, bytes("wait"));
  journal.answered(1, 1);
  journal.asked(2, 1, bytes("gone"));
  journal.closed(2);
  journal.rest(1, bytes("half"));
  const known = CallJournal.read(path);
  expect([...known.keys()]).toEqual([1]);
  expect(known.get(1)).toEqual({ calls: new Map([[3, bytes("wait")]]), rest: bytes("half") });
  // The next one's own file begins with it.
  const next = new CallJournal(path, known);
  next.answered(1, 3);
  next.rest(1, new Uint8Array(0));
  expect(CallJournal.read(path).get(1)).toEqual({ calls: new Map(), rest: new Uint8Array(0) });
});

test("a torn end and a file of anything stop the reading, no more", () => {
  const journal = new CallJournal(path);
  journal.asked(1, 1, bytes("wait"));
  appendFileSync(path, Buffer.from([1, 2, 0, 0, 0, 9, 0, 0, 0, 255, 255, 255, 255, 7]));
  expect(CallJournal.read(path).get(1)?.calls.size).toBe(1);
  expect(CallJournal.read(join(folder, "none")).size).toBe(0);
});

test("the file does not grow with the calls that were answered", () => {
  const journal = new CallJournal(path);
  journal.asked(1, 1, bytes("wait"));
  const data = new Uint8Array(100_000);
  for (let stream = 3; stream < 203; stream += 2) {
    journal.asked(1, stream, data);
    journal.answered(1, stream);
  }
  expect(statSync(path).size).toBeLessThan(2_000_000);
  expect([...CallJournal.read(path).get(1)!.calls.keys()]).toEqual([1]);
  journal.remove();
});
