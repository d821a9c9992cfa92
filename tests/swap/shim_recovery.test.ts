import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  openSync,
  read,
  readdirSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { mustRun } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { readProcess } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { ShimDriver } from "./shim_driver.ts";

const RUNTIMES = [
  { name: "our runtime as its library", boxes: ["catena shim", "catena runc"], binary: "" },
  { name: "genuine runc", boxes: ["catena shim", "genuine runc"], binary: GENUINE.runc },
] as const;
const SLEEP = ["sleep", "100000"];
const STEP_MS = 120_000;

describe.each(RUNTIMES.map((runtime) => ({ ...runtime, ...titleOf(runtime) })))(
  "$title",
  (chosen) => {
    const { reason, binary } = chosen;
    let sandbox: Sandbox;
    let shim: ShimDriver;
    const step = (name: string, work: () => Promise<void>) =>
      test.skipIf(reason !== undefined)(name, work, STEP_MS);

    beforeAll(() => {
      sandbox = new Sandbox();
      shim = new ShimDriver(sandbox, binary);
    });
    afterAll(() => sandbox.close(), STEP_MS);

    /** A FIFO that somebody holds open, as a client does; returns its path. */
    async function fifo(name: string): Promise<string> {
      const path = sandbox.path("fifo", name);
      await mustRun(["mkfifo", path]);
      return path;
    }

    step("one shim serves three containers", async () => {
      const script = "trap 'exit 42' TERM; echo up; while :; do sleep 0.1; done";
      const stdout = await fifo("talker-out");
      const reader = openSync(stdout, "r+");
      await shim.create("talker", { args: ["sh", "-c", script] }, { stdout });
      const pid = await shim.shimPid();
      await shim.create("sleeper", { args: SLEEP });
      await shim.create("waiting", { args: SLEEP });
      expect(await shim.shimPid()).toBe(pid);
      await shim.task.start({ id: "talker" }, {});
      await shim.task.start({ id: "sleeper" }, {});
      expect(await readLine(reader)).toBe("up");
      closeSync(reader);
    });

    step("an exec's stdin reaches it across the death of the shim", async () => {
      const stdin = await fifo("exec-in");
      const stdout = await fifo("exec-out");
      const reader = openSync(stdout, "r+");
      const writer = openSync(stdin, "r+");
      await shim.exec("sleeper", "reading", ["cat"], { stdin, stdout });
      writeSync(writer, "one\n");
      expect(await readLine(reader)).toBe("one");
      await shim.killShim();
      writeSync(writer, "two\n");
      expect(await readLine(reader)).toBe("two");
      closeSync(writer);
      closeSync(reader);
    });

    step("an exit without a shim is told by the next one, with its true code", async () => {
      const pid = Number(readFileSync(`${shim.bundle("talker")}/init.pid`, "utf8"));
      process.kill(pid, "SIGTERM");
      await waitUntil("the container's init is gone", () => readProcess(pid) === undefined);
      await shim.start("sleeper");
      expect(await shim.exitOf("talker")).toBe(42);
      const state = await shim.task.state({ id: "talker" }, {});
      expect(state).toMatchObject({ status: 3, exitStatus: 42, pid });
      expect(await shim.task.wait({ id: "talker" }, {})).toMatchObject({ exitStatus: 42 });
    });

    step("what ran runs on, what waited still waits", async () => {
      expect(await shim.task.state({ id: "sleeper" }, {})).toMatchObject({ status: 2 });
      expect(await shim.task.state({ id: "waiting" }, {})).toMatchObject({ status: 1 });
      const exec = await shim.task.state({ id: "sleeper", execId: "reading" }, {});
      expect(exec).toMatchObject({ status: 2 });
      await shim.task.start({ id: "waiting" }, {});
      await shim.exec("waiting", "later", ["sh", "-c", "exit 7"]);
      expect(await shim.exitOf("later")).toBe(7);
    });

    step("the old exec ends by its stdin's end", async () => {
      await shim.task.closeIO({ id: "sleeper", execId: "reading", stdin: true }, {});
      expect(await shim.exitOf("reading")).toBe(0);
      const deleted = await shim.task.delete({ id: "sleeper", execId: "reading" }, {});
      expect(deleted).toMatchObject({ exitStatus: 0 });
    });

    step("events wait for containerd and come in order", async () => {
      shim.stopEvents();
      shim.events.length = 0;
      await shim.exec("sleeper", "unheard", ["sh", "-c", "exit 3"]);
      await shim.task.wait({ id: "sleeper", execId: "unheard" }, {});
      shim.serveEvents();
      expect(await shim.exitOf("unheard")).toBe(3);
      const topics = shim.events.map(({ topic }) => topic);
      expect(topics).toEqual(["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"]);
    });

    step("exits that were told are not told twice", async () => {
      await shim.killShim();
      shim.events.length = 0;
      await shim.start("sleeper");
      await shim.exec("sleeper", "fresh", ["true"]);
      expect(await shim.exitOf("fresh")).toBe(0);
      const exits = shim.events.filter(({ topic }) => topic === "/tasks/exit");
      expect(exits.map(({ id }) => id)).toEqual(["fresh"]);
    });

    step("a killed keeper: the container is ended, and told as killed", async () => {
      process.kill(shim.keeperPid("waiting"), "SIGKILL");
      expect(await shim.exitOf("waiting")).toBe(137);
      const pid = (await shim.task.state({ id: "waiting" }, {})).pid;
      await waitUntil("its process is gone", () => readProcess(pid) === undefined);
      await shim.task.delete({ id: "waiting" }, {});
    });

    step("the delete command ends what a dead shim left, and knows true exits", async () => {
      await shim.killShim();
      const talker = await shim.deleteCommand("talker");
      expect(talker.exitStatus).toBe(42);
      const sleeper = await shim.deleteCommand("sleeper");
      expect(sleeper.exitStatus).toBe(137);
      expect(readProcess(sleeper.pid)).toBeUndefined();
      for (const id of ["talker", "sleeper"]) {
        expect(existsSync(`${shim.bundle(id)}/catena`)).toBe(false);
      }
      expect(readdirSync(sandbox.path("runc", sandbox.tag))).toEqual([]);
    });
  },
);

function titleOf({ name, boxes }: (typeof RUNTIMES)[number]) {
  const reason = reasonToSkip([...boxes]);
  const title = `our shim with ${name} is killed and started again`;
  return { reason, title: reason ? `${title} [skipped: ${reason}]` : title };
}

/** Reads what is in a FIFO that is open for reading and writing: one line in these tests. */
function readLine(fd: number): Promise<string> {
  const bytes = new Uint8Array(4096);
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, bytes.length, null, (error, count) => {
      if (error) reject(error);
      else resolve(new TextDecoder().decode(bytes.subarray(0, count)).trim());
    });
  });
}
