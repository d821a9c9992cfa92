import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import type { HeldStep, StepPlan } from "#stack/runc/process/step_launch.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { mustRun, runCommand } from "../lib/command.ts";
import { makeBundle } from "../lib/runtime_bundle.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

const LIMIT_MS = 60_000;
const reason = reasonToSkip(["catena runc"]);
const because = reason === undefined ? "" : ` (skipped: ${reason})`;

let sandbox: Sandbox;

beforeAll(() => {
  if (reason === undefined) sandbox = new Sandbox();
});

afterAll(async () => {
  await sandbox?.close();
}, LIMIT_MS);

function runc(...args: string[]) {
  return [binPath("catena-runc"), "--root", sandbox.path("runc"), ...args];
}

function stepFolder(name: string, mode = 0o700): string {
  const folder = sandbox.path(name);
  mkdirSync(folder, { mode });
  return folder;
}

function heldAt(folder: string): Promise<HeldStep> {
  const path = `${folder}/held.json`;
  return waitUntil(`init waits (${path})`, () => {
    if (existsSync(`${folder}/go`)) return undefined;
    return existsSync(path) && (JSON.parse(readFileSync(path, "utf8")) as HeldStep);
  });
}

function readPlan(folder: string): StepPlan {
  return JSON.parse(readFileSync(`${folder}/plan.json`, "utf8")) as StepPlan;
}

async function bundle(id: string, folder: string): Promise<string> {
  return makeBundle(sandbox, id, {
    args: ["echo", "ran"],
    edit: (config) => {
      config["annotations"] = { "io.catena.step": folder };
    },
  });
}

test.skipIf(reason !== undefined)(
  `a creation stops before the operations that are named, and then goes on${because}`,
  async () => {
    const folder = stepFolder("steps");
    const running = runCommand(runc("run", "--bundle", await bundle("s1", folder), "s1"));
    expect((await heldAt(folder)).index).toBe(0);
    const { operations, rootfs } = readPlan(folder);
    expect(rootfs).toEndWith("/s1/rootfs");
    const pivot = operations.findIndex((one) => one.op === "pivot-root");
    writeFileSync(`${folder}/go`, String(pivot + 1));
    const held = await heldAt(folder);
    expect(held).toMatchObject({ index: pivot, stage: "grandchild" });
    expect(readFileSync(`/proc/${held.pid}/status`, "utf8")).toContain("T (stopped)");
    // The root is built, and not entered yet.
    const mounts = readFileSync(`/proc/${held.pid}/mountinfo`, "utf8");
    expect(mounts).toContain(`${rootfs}/proc `);
    writeFileSync(`${folder}/go`, "0");
    const result = await running;
    expect(result.stdout).toBe("ran\n");
    expect(result.code).toBe(0);
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `a launch whose folder is removed, or is not private, runs on${because}`,
  async () => {
    const folder = stepFolder("left");
    const running = runCommand(runc("run", "--bundle", await bundle("s2", folder), "s2"));
    await heldAt(folder);
    rmSync(folder, { recursive: true });
    expect((await running).stdout).toBe("ran\n");
    const open = stepFolder("open", 0o777);
    const third = await runCommand(runc("run", "--bundle", await bundle("s3", open), "s3"));
    expect(third.stdout).toBe("ran\n");
    expect(existsSync(`${open}/plan.json`)).toBe(false);
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `catena exec --step stops before each operation and takes commands${because}`,
  async () => {
    const path = await makeBundle(sandbox, "s4", { args: ["sleep", "1000"] });
    await mustRun(runc("run", "--detach", "--bundle", path, "s4"));
    const flags = ["--runtime-root", sandbox.path("runc"), "--state", sandbox.path("state")];
    const result = await runCommand(
      [binPath("catena"), "exec", "--step", ...flags, "s4", "echo", "hello"],
      { stdin: "s\nb execve\ni\nc\n" },
    );
    expect(result.stdout).toBe("hello\n");
    expect(result.stderr).toContain("stopped before operation 1 of");
    expect(result.stderr).toMatch(/▶ +[0-9]+ +execve echo hello/);
    expect(result.stderr).toContain("T (stopped)");
    const given = await runCommand(
      [binPath("catena"), "exec", "--step", ...flags, "s4", "echo", "hello"],
      { stdin: "q\n" },
    );
    expect(given.code).not.toBe(0);
    expect(given.stdout).toBe("");
    await mustRun(runc("delete", "--force", "s4"));
  },
  LIMIT_MS,
);

test.skipIf(reason !== undefined)(
  `a launch whose session was killed is given up, and nothing stopped is left${because}`,
  async () => {
    const folder = stepFolder("orphan");
    const owner = Bun.spawn(["sleep", "1000"]);
    writeFileSync(`${folder}/owner`, String(owner.pid));
    const running = runCommand(runc("run", "--bundle", await bundle("s5", folder), "s5"));
    const { pid } = await heldAt(folder);
    owner.kill("SIGKILL");
    await owner.exited;
    const result = await running;
    expect(result.code).not.toBe(0);
    expect(result.stdout).toBe("");
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  },
  LIMIT_MS,
);
