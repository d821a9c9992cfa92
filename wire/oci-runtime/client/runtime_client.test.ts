import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { chainErrorToJson } from "#lib/errors/error_json.ts";
import type { LaunchRequest } from "../runtime.ts";
import { RuntimeClient } from "./runtime_client.ts";

const folder = mkdtempSync(join(tmpdir(), "runtime-"));
const work = mkdtempSync(join(tmpdir(), "runtime-work-"));
afterAll(() => {
  for (const path of [folder, work]) rmSync(path, { recursive: true });
});

/** A runtime that writes what a test wants into its log and exits; `$LOG` is the log's path. */
function fakeRuntime(name: string, script: string): RuntimeClient {
  const path = join(folder, name);
  const head = '#!/bin/sh\nwhile [ "$1" != --log ]; do shift; done; LOG=$2; shift 4\n';
  writeFileSync(path, head + script);
  chmodSync(path, 0o755);
  return new RuntimeClient({ name: path, root: "/r", workFolder: work });
}

async function failing(name: string, script: string): Promise<ChainError> {
  const thrown = await fakeRuntime(name, script)
    .delete("c1")
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ChainError);
  return thrown as ChainError;
}

const line = (fields: object) => `echo '${JSON.stringify(fields)}' >> "$LOG"\n`;
const TIME = "2025-01-01T00:00:00Z";

beforeAll(() => {
  process.env["PATH"] ??= "/usr/bin:/bin";
});

test("the last error line wins, whatever surrounds it", async () => {
  const script =
    line({ level: "error", msg: "first", time: TIME }) +
    'echo "not json" >> "$LOG"\n' +
    line({ level: "error", msg: "container does not exist", time: TIME }) +
    line({ level: "info", msg: "bye", time: TIME }) +
    "echo words >&2; exit 3";
  const error = await failing("last", script);
  expect(error.words).toBe("container does not exist");
  expect(error.outer.code).toBe("not_found");
  const evidence = error.evidence.map(({ kind, value }) => `${kind}: ${value}`);
  expect(evidence).toEqual(["exit: exit status 3", "log: words", "log: not json"]);
});

test("our own runtime's frames come through whole", async () => {
  const inner = new ChainError([
    {
      layer: "runc",
      op: "exec",
      code: "resource_exhausted",
      message: "exec failed",
      causeId: "pids-cgroup-full",
      evidence: [{ kind: "cgroup", value: "pids.current 30 of pids.max 30" }],
    },
    { layer: "init", op: "clone", code: "resource_exhausted", message: "EAGAIN" },
  ]);
  const chain = chainErrorToJson(inner);
  const text = line({ level: "error", msg: inner.message, time: TIME, chain });
  const error = await failing("ours", `${text}exit 1`);
  expect(error.frames).toEqual(inner.frames);
  expect(error.id).toBe(inner.id);
});

test("an id of ours in a genuine runtime's words is kept", async () => {
  const msg = "hook failed: no room (catena explain abcd2345)";
  const error = await failing("quoted", `${line({ level: "error", msg, time: TIME })}exit 1`);
  expect(error.id).toBe("abcd2345");
});

test("without a log its stderr speaks, without both its end does", async () => {
  expect((await failing("stderr", "echo one >&2; echo two >&2; exit 1")).words).toBe("two");
  const silent = await failing("silent", "kill -9 $$");
  expect(silent.words).toContain("unable to retrieve OCI runtime error");
  expect(silent.words).toContain("signal: 9");
});

test("answers are parsed; what is not JSON is refused", async () => {
  const good = fakeRuntime("ps", "echo '[3,4]'");
  expect(await good.processes("c1")).toEqual([3, 4]);
  expect(await fakeRuntime("ps-none", "echo null").processes("c1")).toEqual([]);
  const bad = await fakeRuntime("ps-bad", "echo oops")
    .processes("c1")
    .catch((error: unknown) => error);
  expect((bad as ChainError).outer.code).toBe("internal");
});

test("create and exec go through the launcher, with the flags that runc takes", async () => {
  const requests: LaunchRequest[] = [];
  const launcher = {
    spawn: async (request: LaunchRequest) => {
      requests.push(request);
      const at = request.argv.indexOf("--pid-file");
      writeFileSync(request.argv[at + 1]!, "4321");
      return { pid: 1, exited: Promise.resolve({ code: 0 }) };
    },
  };
  const runtime = fakeRuntime("launch", "");
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const common = { id: "c1", launcher, trace, consoleSocket: "/c" };
  expect(await runtime.create({ ...common, bundle: "/b", noPivot: true })).toEqual({ pid: 4321 });
  expect(await runtime.exec({ ...common, process: { args: ["x"] } })).toEqual({ pid: 4321 });
  const flags = requests.map(({ argv }) =>
    argv.map((word) => word.replace(work, "W").replace(/\.\d+\.\d+$/, "")).slice(1),
  );
  const globals = ["--root", "/r", "--log", "W/log.json", "--log-format", "json"];
  expect(flags).toEqual([
    [
      ...globals,
      ...["create", "--bundle", "/b", "--pid-file", "W/init.pid"],
      ...["--console-socket", "/c", "--no-pivot", "c1"],
    ],
    [
      ...globals,
      ...["exec", "--process", "W/process.json", "--detach", "--pid-file", "W/exec.pid"],
      ...["--console-socket", "/c", "c1"],
    ],
  ]);
  expect(requests[0]!.env["TRACEPARENT"]).toBe(`00-${trace.traceId}-${trace.spanId}-01`);
  expect(readdirSync(work)).toEqual([]);
});

test("a runtime that is not there is told as such", async () => {
  const runtime = new RuntimeClient({ name: "no-such-runtime", root: "/r", workFolder: work });
  const error = await runtime.pause("c1").catch((thrown: unknown) => thrown);
  expect((error as ChainError).causeId).toBe("runtime-missing");
});
