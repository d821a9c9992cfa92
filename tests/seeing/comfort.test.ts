import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { binPath, sharePath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { mustRun, runCommand } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { TerminalSession } from "../lib/terminal_session.ts";
import { LeakingStack } from "./leaking_stack.ts";

const LIMIT_MS = 180_000;
const PATH = `${dirname(binPath("catena"))}:${process.env["PATH"]}`;
const script = (shell: string) => sharePath(`completion/catena.${shell}`);
const has = (shell: string) => ["/bin", "/usr/bin"].some((dir) => existsSync(`${dir}/${shell}`));

/** What bash would offer for a line with the cursor at its end. */
async function bashOffers(line: string): Promise<string[]> {
  const set = `COMP_LINE=${JSON.stringify(line)} COMP_POINT=${line.length}`;
  const commands = `. ${script("bash")}; ${set}; _catena; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const shown = await mustRun(["bash", "--norc", "-c", commands], { env: { PATH } });
  return shown.split("\n").filter((word) => word !== "");
}

test.skipIf(!has("bash"))("bash completes commands, flags and their values", async () => {
  expect(await bashOffers("catena ex")).toEqual(["exec", "explain"]);
  expect(await bashOffers("catena exec --via ")).toContain("runc");
  expect(await bashOffers("catena exec --via=sh")).toEqual(["shim"]);
  expect(await bashOffers("catena plan --d")).toEqual(["--diff", "--dry-run"]);
});

test.skipIf(!has("fish"))("fish completes them, with what they are", async () => {
  const ask = async (line: string) => {
    const commands = `source ${script("fish")}; complete -C ${JSON.stringify(line)}`;
    return mustRun(["fish", "--no-config", "-c", commands], { env: { PATH } });
  };
  expect(await ask("catena expl")).toMatch(/^explain\tshow a recorded failure/m);
  expect(await ask("catena exec --via sh")).toMatch(/^shim$/m);
  expect(await ask("catena plan ")).not.toBe("");
});

test.skipIf(!has("zsh"))(
  "zsh completes a word when Tab is pressed",
  async () => {
    const session = new TerminalSession(["zsh", "-f", "-i"], { columns: 100, rows: 30 }, { PATH });
    try {
      // Typed otherwise than it is shown: the echo is not the prompt.
      session.type(
        `PS1='rea''dy> '; autoload -U compinit; compinit -u -D; source ${script("zsh")}\r`,
      );
      await session.shows(/ready> /);
      session.type("catena expl\t");
      await session.shows(/catena explain/);
      session.type("\x15catena exec --via conta\t");
      await session.shows(/--via containerd/);
    } finally {
      session.close();
    }
  },
  LIMIT_MS,
);

test.skipIf(!has("man"))(
  "man renders a page for each command, and warns of none",
  async () => {
    const folder = sharePath("man/man1");
    const pages = readdirSync(folder);
    expect(pages.length).toBeGreaterThan(20);
    for (const page of pages) {
      const argv = ["man", "--warnings", "-l", "-P", "cat", `${folder}/${page}`];
      const { code, stdout, stderr } = await runCommand(argv, { env: { MANWIDTH: "100" } });
      expect([page, code, stderr]).toEqual([page, 0, ""]);
      for (const part of ["NAME", "SYNOPSIS", "EXIT STATUS", "SEE ALSO"]) {
        expect(stdout).toContain(part);
      }
    }
    const exec = await mustRun([binPath("catena"), "man", "exec"]);
    expect(exec).toContain(".B \\-\\-rescue");
    expect((await runCommand([binPath("catena"), "man", "nonsense"])).code).toBe(1);
  },
  LIMIT_MS,
);

const missing = reasonToSkip(["catena daemon"]);
const title = missing === undefined ? "with a daemon" : `with a daemon (skipped: ${missing})`;

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  let stack: LeakingStack;
  beforeAll(async () => {
    stack = await LeakingStack.start(sandbox);
    await stack.run("painter", 50, "sleep", "100000");
    await stack.must("exec", "painter", "true");
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  test(
    "names of containers, images, failures and traces are completed",
    async () => {
      const { state } = stack.daemon;
      expect(await bashOffers(`catena logs --state ${state} pai`)).toEqual(["painter"]);
      expect(await bashOffers(`catena run --state ${state} see`)).toEqual(["seen:latest"]);
      expect(await bashOffers(`catena run --state ${state} seen:la`)).toEqual(["latest"]);
      expect((await bashOffers(`catena trace --state ${state} `)).length).toBeGreaterThan(0);
      await stack.catena("exec", "painter", "nonsense");
      expect((await bashOffers(`catena explain --state ${state} `)).length).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    "colours only on a terminal, and never with NO_COLOR",
    async () => {
      const { state } = stack.daemon;
      const commands = [
        ["trace", "--last"],
        ["doctor", "painter", "--docker", `${state}/docker.sock`, "--read-only"],
      ];
      for (const [command, ...args] of commands) {
        const argv = [binPath("catena"), command!, "--state", state, ...args];
        expect((await runCommand(argv)).stdout).not.toContain("\x1b");
        const size = { columns: 100, rows: 40 };
        for (const [env, coloured] of [
          [{}, true],
          [{ NO_COLOR: "1" }, false],
        ] as const) {
          const session = new TerminalSession(argv, size, env);
          await session.exited();
          expect([command, env, session.output.includes("\x1b[")]).toEqual([
            command,
            env,
            coloured,
          ]);
        }
      }
    },
    LIMIT_MS,
  );

  test(
    "failures say what to do next",
    async () => {
      const rows: [argv: string[], next: RegExp][] = [
        [["ps", "--docker", "/nowhere.sock"], /catena daemon/],
        [["exec", "nobody", "true"], /catena ps --all/],
        [["logs", "nobody"], /catena ps --all/],
        [["rm", "nobody"], /catena ps --all/],
        [["run", "nothing:here"], /catena (images|pull)/],
        [["explain", "zzzzzzzz"], /catena doctor/],
        [["trace", "ffff"], /catena trace/],
        [["doctor", "nobody", "--docker", `${stack.daemon.state}/docker.sock`], /catena ps --all/],
      ];
      for (const [[command, ...args], next] of rows) {
        const { code, stderr } = await stack.catena(command!, ...args);
        expect([command, code === 0, stderr]).toEqual([
          command,
          false,
          expect.stringMatching(next),
        ]);
      }
      const usage = await runCommand([binPath("catena"), "exce"]);
      expect(usage.stderr).toMatch(/Did you mean exec\?.*catena help/s);
    },
    LIMIT_MS,
  );
});
