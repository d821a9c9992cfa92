import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { findGenuinePrograms } from "#tools/cli/tour/genuine_stack.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { expectCode, mustRun, runCommand } from "../lib/command.ts";
import { settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { TerminalSession } from "../lib/terminal_session.ts";

const LIMIT_MS = 240_000;
const missing = reasonToSkip(["catena daemon"]);
const title = missing === undefined ? "catena tour" : `catena tour (skipped: ${missing})`;
const EXIT_LEFT = 130;

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  const temporary = sandbox.path("tmp", "x").slice(0, -2);
  mkdirSync(temporary, { recursive: true });
  afterAll(() => sandbox.close(), LIMIT_MS);

  /** Nothing of the tour may be in its temporary folder, nor any process of it. */
  function expectNothingLeft(): void {
    expect(readdirSync(temporary)).toEqual([]);
    expect(processesOf(temporary, "no-such-tag").map(({ command }) => command)).toEqual([]);
  }

  test(
    "with a daemon of its own it shows every step, the genuine failure too, and removes it all",
    async () => {
      const genuine = findGenuinePrograms();
      const argv = [binPath("catena"), "tour", "--private", "--yes", "--genuine"];
      const env = { TMPDIR: temporary, CATENA_STATE: sandbox.path("none") };
      const result = await runCommand(argv, { env });
      expectCode(result, 0);
      const { stdout } = result;
      expect(stdout).not.toMatch(/\x1b/);
      expect(stdout).toContain("=== 4. The incident");
      for (const link of ["dockershim", "dockerd", "containerd", "shim", "runc", "init"]) {
        expect(stdout).toMatch(new RegExp(`^ *${link} +▼`, "m"));
      }
      expect(stdout).toMatch(/^the program +\d+ +\d+ +1 +\S+ MB +sleep 100000$/m);
      expect(stdout).toMatch(/^init .* execve sh -c echo/m);
      expect(stdout).toMatch(/is full: 30 of 30 .*catena explain \w+\)$/m);
      expect(stdout).toMatch(/^cause +pids-cgroup-full \(certain\)/m);
      expect(stdout).toMatch(/^Threads:\t30$/m);
      if (genuine?.strace !== undefined) {
        expect(stdout).toMatch(
          /^OCI runtime exec failed: .*read init-p: connection reset by peer/m,
        );
        expect(stdout.match(/pids-cgroup-full \(certain\)/g)).toHaveLength(2);
      }
      expectNothingLeft();
    },
    LIMIT_MS,
  );

  test(
    "on a running daemon it leaves that daemon as it found it",
    async () => {
      const { state } = await startCatenaDaemon(sandbox);
      const flags = ["--state", state];
      const images = await mustRun([binPath("catena"), "images", ...flags, "--json"]);
      // The shim comes with the first container and stays.
      await runTour([...flags, "--no-genuine"]);
      const before = takeSnapshot(sandbox);
      const shown = await runTour([...flags, "--no-genuine"]);
      expect(shown).toContain(`the daemon that runs in ${state}`);
      expect(await settledDifference(before, () => takeSnapshot(sandbox))).toEqual([]);
      expect(await mustRun([binPath("catena"), "ps", "-aq", ...flags])).toBe("");
      expect(await mustRun([binPath("catena"), "images", ...flags, "--json"])).toBe(images);
    },
    LIMIT_MS,
  );

  async function runTour(flags: string[]): Promise<string> {
    return mustRun([binPath("catena"), "tour", "--yes", ...flags], { env: { TMPDIR: temporary } });
  }

  test(
    "on a terminal it waits for Enter, and Ctrl-C in the midst of it takes everything down",
    async () => {
      const argv = [binPath("catena"), "tour", "--private", "--no-genuine"];
      const size = { columns: 100, rows: 40 };
      const session = new TerminalSession(argv, size, { TMPDIR: temporary });
      try {
        await session.shows(/=== 1\. The chain/);
        await session.shows(/\[Enter\] goes on/);
        expect(session.output).not.toContain("=== 2.");
        session.type("\r");
        await session.shows(/=== 2\. A container.*cgroups of process.*\[Enter\]/s);
        expect(existsSync(temporary) && readdirSync(temporary).length).toBe(1);
        session.type("\r");
        await session.shows(/=== 3\. One exec/);
        session.type("\x03");
        expect(await session.exited(LIMIT_MS / 2)).toBe(EXIT_LEFT);
      } finally {
        session.close();
      }
      expectNothingLeft();
    },
    LIMIT_MS,
  );

  test(
    "q at a question leaves as well",
    async () => {
      const argv = [binPath("catena"), "tour", "--private"];
      const size = { columns: 100, rows: 40 };
      const session = new TerminalSession(argv, size, { TMPDIR: temporary });
      try {
        await session.shows(/\[Enter\] goes on/);
        session.type("q\r");
        expect(await session.exited(LIMIT_MS / 2)).toBe(EXIT_LEFT);
      } finally {
        session.close();
      }
      expectNothingLeft();
    },
    LIMIT_MS,
  );
});
