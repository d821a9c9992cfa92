import { expect, test } from "bun:test";
import { failure } from "#lib/errors/chain_error.ts";
import { launchFailure } from "./launch_failure.ts";

const codeOf = (message: string) => {
  const below = failure({ layer: "runc", op: "exec", code: "unknown", message });
  return launchFailure(below, "start", "failed");
};

test("exit codes follow the runtime's words", () => {
  expect(codeOf('exec: "x": executable file not found in $PATH').exitCode).toBe(127);
  expect(codeOf('exec: "/etc/passwd": permission denied').exitCode).toBe(126);
  expect(codeOf('exec: "/etc": is a directory').exitCode).toBe(126);
  expect(codeOf("pids limit reached").exitCode).toBe(128);
});

test("the frames below stay as they are, the CLI finds the words it looks for", () => {
  const { error } = codeOf('exec: "/etc": is a directory');
  expect(error.frames.map((frame) => frame.layer)).toEqual(["dockerd", "runc"]);
  expect(error.message).toContain("permission denied");
});
