import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogQuery, logFiles, readLog } from "./json_log_reader.ts";
import { JsonLogWriter, parseSize } from "./json_log_writer.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const writer = (limits = { maxBytes: 0, maxFiles: 1 }) =>
  new JsonLogWriter(join(folder, `${count++}.log`), limits);

async function read(path: string, query: Partial<LogQuery> = {}): Promise<string> {
  let out = "";
  const whole = { stdout: true, stderr: true, timestamps: false, prefix: "", ...query };
  for await (const { stream, data } of readLog(path, whole)) {
    out += `${stream}:${Buffer.from(data).toString()}`;
  }
  return out;
}

test("lines are written whole, an unfinished one at the end", async () => {
  const log = writer();
  log.write(1, Buffer.from("one\ntw"));
  log.write(2, Buffer.from("err\n"));
  log.write(1, Buffer.from("o\nlast"));
  log.close();
  expect(await read(log.path)).toBe("1:one\n2:err\n1:two\n1:last");
  const first = JSON.parse(readFileSync(log.path, "utf8").split("\n")[0]!);
  expect(Object.keys(first)).toEqual(["log", "stream", "time"]);
});

test("long lines are cut into pieces that join to the same text", async () => {
  const log = writer();
  const text = `${"x".repeat(40_000)}\n`;
  log.write(1, Buffer.from(text));
  log.close();
  expect((await read(log.path)).replaceAll("1:", "")).toBe(text);
  expect(readFileSync(log.path, "utf8").trim().split("\n")).toHaveLength(3);
});

test("rotation keeps as many files as it should, and tail reads over them", async () => {
  const log = writer({ maxBytes: 300, maxFiles: 3 });
  for (let n = 0; n < 30; n++) log.write(1, Buffer.from(`line ${n}\n`));
  expect(logFiles(log.path)).toHaveLength(3);
  expect(await read(log.path, { tail: 2 })).toBe("1:line 28\n1:line 29\n");
  expect((await read(log.path, { tail: 6 })).split("\n")).toHaveLength(7);
  expect(await read(log.path, { tail: 0 })).toBe("");
  log.close();
});

test("since, until, one stream, timestamps", async () => {
  const log = writer();
  log.write(1, Buffer.from("early\n"));
  await Bun.sleep(5);
  const between = BigInt(Date.now()) * 1_000_000n;
  await Bun.sleep(5);
  log.write(2, Buffer.from("late\n"));
  log.close();
  expect(await read(log.path, { sinceNs: between })).toBe("2:late\n");
  expect(await read(log.path, { untilNs: between })).toBe("1:early\n");
  expect(await read(log.path, { stderr: false })).toBe("1:early\n");
  expect(await read(log.path, { timestamps: true, stdout: false })).toMatch(
    /^2:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z late\n$/,
  );
});

test("a follower sees what is written later, over rotations, until the log is closed", async () => {
  const log = writer({ maxBytes: 200, maxFiles: 2 });
  log.write(1, Buffer.from("a\n"));
  const following = read(log.path, { follow: log });
  for (const text of ["b", "c", "d", "e"]) {
    await Bun.sleep(2);
    log.write(1, Buffer.from(`${text}\n`));
  }
  await Bun.sleep(2);
  log.close();
  expect(await following).toBe("1:a\n1:b\n1:c\n1:d\n1:e\n");
});

test("sizes as dockerd's options take them", () => {
  expect(parseSize("10m")).toBe(10 * 1024 * 1024);
  expect(parseSize("1.5kb")).toBe(1536);
  expect(parseSize("ten")).toBeUndefined();
});
