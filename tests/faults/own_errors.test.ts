import { afterAll, beforeAll, expect, test } from "bun:test";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { runCommand } from "../lib/command.ts";
import { FaultStack } from "./fault_stack.ts";
import { ownError } from "./own_causes.ts";

// What our own stack refuses before there is anything that a doctor could look at afterwards.

const LIMIT_MS = 120_000;
const reason = reasonToSkip(["catena daemon", "docker cli"]);
const because = reason === undefined ? "" : ` (skipped: ${reason})`;

let stack: FaultStack;

beforeAll(async () => {
  if (reason === undefined) stack = await FaultStack.start("catena");
}, LIMIT_MS);

afterAll(async () => {
  await stack?.sandbox.close();
}, LIMIT_MS);

test.skipIf(reason !== undefined)(
  `an unknown user is named by its cause, to docker, catena exec and in the frames${because}`,
  async () => {
    const name = await stack.run([]);
    const request = ["exec", "-u", "nouser", "NAME", "true"];
    const own = await ownError(stack, { request }, name);
    expect([own.docker, own.catena]).toEqual([["user-unknown"], ["user-unknown"]]);
    expect(new Set(own.frames)).toEqual(new Set(["user-unknown"]));
    await stack.remove(name);
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined).each([
  ["bind-source-missing", ["--mount", "type=bind,src=/no/such/folder,dst=/mnt"]],
  ["user-unknown", ["-u", "nouser"]],
  ["exec-not-found", ["--entrypoint", "no-such-program"]],
  ["exec-not-executable", ["--entrypoint", "/etc"]],
  ["runtime-missing", ["--runtime", "io.containerd.nowhere.v1"]],
])(
  `a start that fails by %s says so${because}`,
  async (cause, flags) => {
    const name = stack.newName();
    const argv = ["run", "--rm", "--name", name, "--network", "none", ...flags, "faults:1", "true"];
    const { code, stdout, stderr } = await stack.docker({ timeoutMs: LIMIT_MS / 2 }, ...argv);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(`[${cause}] (catena explain `);
  },
  LIMIT_MS,
);

test(
  "a client whose daemon is gone says so",
  async () => {
    const argv = [binPath("catena"), "exec", "--docker", "/nowhere/docker.sock", "c1", "true"];
    const { code, stderr } = await runCommand(argv);
    expect(code).not.toBe(0);
    expect(stderr).toContain("[dockerd-down] (catena explain ");
  },
  LIMIT_MS,
);
