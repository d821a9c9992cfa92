import { expect, test } from "bun:test";
import { failure } from "#lib/errors/chain_error.ts";
import type { ExecResult, PodRuntime } from "../runtime/pod_runtime.ts";
import { execAction } from "./exec_action.ts";

const run = (answer: () => Promise<ExecResult>) =>
  execAction({ execSync: answer } as unknown as PodRuntime, "c", ["true"], 1);

const RESET =
  "OCI runtime exec failed: exec failed: unable to start container process: " +
  "read init-p: connection reset by peer: unknown";

test("the exit code is the application's word", async () => {
  expect(await run(async () => ({ exitCode: 0, output: "x\n" }))).toEqual({
    result: "success",
    output: "x",
  });
  expect(await run(async () => ({ exitCode: 1, output: "" }))).toEqual({
    result: "failure",
    output: "exit code 1, no output",
  });
});

test("a Docker below says with code 126 that it could not start", async () => {
  const outcome = await run(async () => ({ exitCode: 126, output: `${RESET}\r\n` }));
  expect(outcome.result).toBe("notExecuted");
  expect(outcome.result === "notExecuted" && outcome.error.words).toBe(RESET);
});

test("an application may end with 126 too", async () => {
  const outcome = await run(async () => ({ exitCode: 126, output: "sh: x: Permission denied" }));
  expect(outcome.result).toBe("failure");
});

test("a command that takes too long fails, a runtime that hangs does not", async () => {
  const code = "deadline_exceeded";
  const late = failure({ layer: "containerd", op: "ExecSync", code, message: "timeout" });
  expect((await run(() => Promise.reject(late))).result).toBe("failure");
  const hung = failure({ ...late.outer, causeId: "cri-hung", cause: "it does not answer" });
  expect((await run(() => Promise.reject(hung))).result).toBe("notExecuted");
});

test("any other error of the runtime is not the application either", async () => {
  const error = failure({ layer: "containerd", op: "x", code: "unknown", message: RESET });
  expect((await run(() => Promise.reject(error))).result).toBe("notExecuted");
});
