import { expect, test } from "bun:test";
import { type ExecState, execMayBecome, execRefusal } from "./exec_state.ts";
import { type InitAction, type InitState, initMayBecome, initRefusal } from "./init_state.ts";
import { TaskProcess } from "./task_process.ts";

const STATES: InitState[] = ["created", "running", "paused", "stopped", "deleted"];
const ACTIONS: InitAction[] = [
  ...["start", "delete", "pause", "resume", "update", "checkpoint", "kill", "exec"],
] as InitAction[];
const STDIO = { stdin: "", stdout: "", stderr: "", terminal: false };

test("an init allows what containerd's does", () => {
  const allowed = STATES.map((state) => [
    state,
    ACTIONS.filter((action) => initRefusal(state, action) === undefined).join(" "),
  ]);
  expect(Object.fromEntries(allowed)).toEqual({
    created: "start delete update kill exec",
    running: "pause update checkpoint kill exec",
    paused: "resume update checkpoint kill",
    stopped: "delete kill",
    deleted: "",
  });
});

test("refusals carry containerd's words and codes", () => {
  expect(initRefusal("paused", "exec")?.words).toBe("cannot exec in a paused state");
  expect(initRefusal("stopped", "start")?.words).toBe("cannot start a stopped process");
  expect(initRefusal("stopped", "start")?.outer.code).toBe("unknown");
  expect(initRefusal("deleted", "delete")?.outer.code).toBe("not_found");
  expect(execRefusal("running", "delete")?.words).toBe("cannot delete a running process");
  expect(execRefusal("stopped", "resize")?.words).toBe("cannot resize a stopped container");
  expect(execRefusal("created", "kill")).toBeUndefined();
});

test("nothing comes back from the dead", () => {
  for (const to of STATES) {
    expect(initMayBecome("deleted", to)).toBe(false);
    expect(initMayBecome("stopped", to)).toBe(to === "deleted");
  }
  const states: ExecState[] = ["created", "running", "stopped", "deleted"];
  for (const to of states) expect(execMayBecome("stopped", to)).toBe(to === "deleted");
});

test("an exit is noted once, and waiters get it", async () => {
  const process = new TaskProcess<InitState>(1, "", STDIO, "running");
  expect(process.noteExit({ status: 3, exitedNs: 5n })).toBe(true);
  expect(process.noteExit({ status: 4, exitedNs: 6n })).toBe(false);
  expect(await process.exited).toEqual({ status: 3, atNs: 5n });
  expect(process.state).toBe("stopped");
  expect(() => process.become("running")).toThrow("invalid state transition");
});
