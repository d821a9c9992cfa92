import { expect, test } from "bun:test";
import { type LogEntry, LogEntryParser } from "./log_entry.ts";

const TIME = "2024-01-02T03:04:05.123456789Z";
const shown = (entries: LogEntry[]) =>
  entries.map(({ time, stream, text, partial }) => [
    time,
    stream,
    Buffer.from(text).toString(),
    partial,
  ]);
const bytes = (text: string) => new TextEncoder().encode(text);

test("frames are entries, and a frame without newline is a piece", () => {
  const parser = new LogEntryParser(false);
  expect(shown(parser.push(1, bytes(`${TIME} a\n${TIME} b\n`)))).toEqual([
    [TIME, 1, "a", false],
    [TIME, 1, "b", false],
  ]);
  expect(shown(parser.push(2, bytes(`${TIME} half`)))).toEqual([[TIME, 2, "half", true]]);
  expect(shown(parser.push(2, bytes(`${TIME} \n`)))).toEqual([[TIME, 2, "", false]]);
});

test("a terminal's stream comes in any pieces", () => {
  const parser = new LogEntryParser(true);
  expect(parser.push(1, bytes(TIME.slice(0, 9)))).toEqual([]);
  expect(parser.push(1, bytes(`${TIME.slice(9)} he`))).toEqual([]);
  expect(shown(parser.push(1, bytes(`llo\r\n${TIME} x`)))).toEqual([[TIME, 1, "hello\r", false]]);
  const long = "y".repeat(16 * 1024 - 1);
  const entries = parser.push(1, bytes(`${long}${TIME} z\n`));
  expect(shown(entries)).toEqual([
    [TIME, 1, `x${long}`, true],
    [TIME, 1, "z", false],
  ]);
  parser.push(1, bytes(`${TIME} last`));
  expect(shown(parser.end())).toEqual([[TIME, 1, "last", false]]);
});
