import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { writeBusyboxTar } from "#tools/demo/busybox_rootfs.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { type CommandResult, mustRun, runCommand } from "../lib/command.ts";
import { runtimeConfig } from "../lib/runtime_bundle.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

const LIMIT_MS = 240_000;
const missing = reasonToSkip(["catena daemon"]);
const title = missing === undefined ? "hostile names" : `hostile names (skipped: ${missing})`;

/** What would clear a terminal, colour it, retitle it, turn its text round, or break its lines. */
const HOSTILE = "\x1b[2J\x1b[31mred\x07\u202eexe.gnp\u2066\u061c\u200b\u2028<img src=x>\x9b1m";
const LONG = "very-long-".repeat(400);
/** All that a name may not bring to a terminal; the tour's and tables' own line ends are theirs. */
const COMMANDING =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  let state: string;
  let root: string;

  const catena = (command: string, ...args: string[]): Promise<CommandResult> =>
    runCommand([binPath("catena"), command, "--state", state, ...args]);

  async function start(): Promise<void> {
    ({ state, root } = await startCatenaDaemon(sandbox));
    const leak = sandbox.path("build", "leak");
    const source = join(import.meta.dir, "../../tools/demo/thread_leak.c");
    await mustRun(["gcc", "-O2", "-static", "-pthread", "-s", "-o", leak, source]);
    const tar = sandbox.path("build", "rootfs.tar");
    // Also the kernel's name for its process is hostile, as much as fits.
    await writeBusyboxTar(tar, { "\x1b[31mleak\x07": leak });
    await mustRun([binPath("catena"), "import", "--state", state, tar, "hostile"]);
    const labels = ["-l", `${HOSTILE}=${HOSTILE}`, "-e", `X=${HOSTILE}`];
    const flags = ["--pids-limit", "20", "--network", "none", ...labels];
    const argv = ["-d", "--name", "patient", ...flags, "hostile", "\x1b[31mleak\x07"];
    const started = await catena("run", ...argv, "4096", HOSTILE, LONG);
    expect(started.stderr).toBe("");
    const calm = ["-d", "--name", "calm", ...labels, "--network", "none", "hostile"];
    await mustRun([binPath("catena"), "run", "--state", state, ...calm, "sleep", "100000"]);
    await waitUntil("the leak is done", async () =>
      (await catena("logs", "patient")).stdout.includes("leaked"),
    );
  }
  beforeAll(start, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  const rows: [what: string, run: () => Promise<CommandResult>][] = [
    ["ps", () => catena("ps", "-a")],
    ["ps --json", () => catena("ps", "-a", "--json")],
    ["images", () => catena("images")],
    ["exec of a hostile program", () => catena("exec", "calm", HOSTILE)],
    ["exec of a long program", () => catena("exec", "calm", LONG)],
    ["exec via containerd", () => catena("exec", "--via", "containerd", "calm", HOSTILE)],
    ["exec via shim", () => catena("exec", "--via", "shim", "calm", HOSTILE)],
    ["exec via runc", () => catena("exec", "--via", "runc", "calm", HOSTILE)],
    ["exec in a hostile folder", () => catena("exec", "-w", `/${HOSTILE}`, "calm", "true")],
    ["exec as a hostile user", () => catena("exec", "-u", HOSTILE, "calm", "true")],
    ["exec into a hostile name", () => catena("exec", HOSTILE, "true")],
    ["exec that is refused", () => catena("exec", "patient", HOSTILE)],
    ["run by a hostile name", () => catena("run", "--name", HOSTILE, "hostile", "true")],
    ["run of a hostile image", () => catena("run", HOSTILE)],
    ["run on a hostile network", () => catena("run", "--network", HOSTILE, "hostile", "true")],
    ["logs of a hostile name", () => catena("logs", HOSTILE)],
    ["rm of a hostile name", () => catena("rm", HOSTILE)],
    ["pull of a hostile name", () => catena("pull", HOSTILE)],
    ["import of a hostile file", () => catena("import", `/${HOSTILE}`)],
    ["trace", () => catena("trace")],
    ["trace --last", () => catena("trace", "--last")],
    ["trace --failed", () => catena("trace", "--failed")],
    ["trace of a hostile id", () => catena("trace", HOSTILE)],
    ["trace --json", () => catena("trace", "--last", "--json")],
    ["doctor of one", () => catena("doctor", "patient", "--docker", `${state}/docker.sock`)],
    ["doctor of a hostile name", () => catena("doctor", HOSTILE)],
    ["doctor of a hostile program", () => catena("doctor", "--read-only", "calm", "--", HOSTILE)],
    ["doctor explain", () => catena("doctor", "explain", `read init-p: ${HOSTILE}`)],
    ["explain of a hostile id", () => catena("explain", HOSTILE)],
    ["top --once", () => catena("top", "--once", "--docker", `${state}/docker.sock`)],
    ["plan of hostile names", () => catenaPlan(sandbox)],
    ["plan of a hostile file", () => runCommand([binPath("catena"), "plan", `/${HOSTILE}`])],
    ["man of a hostile command", () => runCommand([binPath("catena"), "man", HOSTILE])],
    ["a hostile command", () => runCommand([binPath("catena"), HOSTILE])],
    ["a hostile flag", () => runCommand([binPath("catena"), "ps", `--${HOSTILE}`])],
    ["a hostile socket", () => runCommand([binPath("catena"), "ps", "--docker", HOSTILE])],
    ["completion", () => runCommand([binPath("catena"), "__complete", "--", "exec", HOSTILE])],
    ["tour", () => catena("tour", "--yes", "--no-genuine")],
  ];
  for (const [what, run] of rows) {
    test(
      `${what} prints nothing that commands a terminal`,
      async () => {
        const { stdout, stderr } = await run();
        const printed = (stdout + stderr).replaceAll("\r\n", "\n").replaceAll("\t", " ");
        const line = printed.split("\n").find((one) => COMMANDING.test(one));
        expect(line?.slice(0, 300)).toBeUndefined();
        const longest = Math.max(...printed.split("\n").map((one) => one.length));
        if (!what.endsWith("--json")) expect(longest).toBeLessThan(3 * LONG.length);
      },
      LIMIT_MS,
    );
  }

  test(
    "explain of what failed for a hostile program",
    async () => {
      const { stdout, stderr } = await catena("exec", "calm", HOSTILE);
      const id = /catena explain (\w+)/.exec(stdout + stderr)![1]!;
      const explained = await catena("explain", id);
      expect(explained.code).toBe(0);
      expect(explained.stdout.replaceAll("\n", "")).not.toMatch(COMMANDING);
    },
    LIMIT_MS,
  );

  test(
    "metrics name them as Prometheus wants it",
    async () => {
      const socket = sandbox.path("metrics.sock");
      const flags = ["--root", root, "--state", state, "--metrics", socket];
      const monitor = Bun.spawn([binPath("catena"), "monitor", ...flags], { stdout: "ignore" });
      sandbox.onClose(async () => {
        monitor.kill();
        await monitor.exited;
      });
      const text = await waitUntil("metrics of the leaking process", async () => {
        const reply = await fetch("http://localhost/metrics", { unix: socket });
        const body = await reply.text();
        return body.includes("leak") && body;
      });
      expect(text.replaceAll("\n", "")).not.toMatch(COMMANDING);
    },
    LIMIT_MS,
  );
});

/** The plan of a bundle in which every name is hostile. */
async function catenaPlan(sandbox: Sandbox): Promise<CommandResult> {
  const path = sandbox.path("bundle", "config.json");
  const config = runtimeConfig("/hostile", { args: ["sh", HOSTILE], env: [`X=${HOSTILE}`] });
  config.mounts.push({ destination: `/${HOSTILE}`, type: "tmpfs", source: HOSTILE });
  writeFileSync(path, JSON.stringify({ ...config, hostname: HOSTILE }));
  return runCommand([binPath("catena"), "plan", path]);
}
