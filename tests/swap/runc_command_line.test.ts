import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { cgroupOfProcess, readCgroupNumber } from "../lib/cgroup_tree.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { type BundleOptions, makeBundle } from "../lib/runtime_bundle.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { TerminalSession } from "../lib/terminal_session.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { RuncClient } from "./runc_client.ts";

// What parents and scripts rely on in the command line itself, with no daemon above it.

const STEP_MS = 120_000;
const RUNS = 50;
const LIMIT = 10;
const reason = reasonToSkip(["catena runc"]);
const title = reason ? ` [skipped: ${reason}]` : "";

describe.skipIf(reason !== undefined)(`catena-runc's command line${title}`, () => {
  let sandbox: Sandbox;
  let runc: RuncClient;
  let before: LeakSnapshot;

  const bundle = (id: string, args: string[], edit?: BundleOptions["edit"]) =>
    makeBundle(sandbox, id, { args, ...(edit ? { edit } : {}) });

  beforeAll(async () => {
    sandbox = new Sandbox();
    runc = RuncClient.ours(sandbox);
    // What stays from the first run on: roots, parent cgroups, the trace.
    const first = await bundle("first", ["true"]);
    await runc.must(["run", "-b", first, "first"]);
    await runc.call(["state", "none"]);
    before = look();
  }, STEP_MS);
  afterAll(() => sandbox?.close(), STEP_MS);

  /** Bundles are ours and stay. */
  const look = () => {
    const snapshot = takeSnapshot(sandbox);
    return { ...snapshot, folders: snapshot.folders.filter((path) => !path.includes("/bundles")) };
  };
  const noLeak = async () => expect(await settledDifference(before, look)).toEqual([]);

  test("run passes streams straight through and ends with the program's code", async () => {
    const program = ["sh", "-c", "cat; echo err >&2; exit 42"];
    const folder = await bundle("cat", program);
    const result = await runc.call(["run", "-b", folder, "cat"], { stdin: "x".repeat(1 << 20) });
    expect(result.code).toBe(42);
    expect(result.stdout.length).toBe(1 << 20);
    expect(result.stderr).toBe("err\n");
  });

  test("a systemd that cannot be reached is told as that, and nothing is left", async () => {
    const folder = await bundle("bus", ["true"], (config) => {
      config.linux["cgroupsPath"] = "catest.slice:catest:bus";
    });
    const client = new RuncClient(sandbox, runc.binary, ["--systemd-cgroup"]);
    const result = await client.call(["run", "-b", folder, "bus"], {
      env: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nowhere/catest" },
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("unable to reach the systemd over D-Bus: connect ENOENT");
    await noLeak();
  });

  test("run passes signals on", async () => {
    const script = "trap 'echo got; exit 7' USR1; echo ready; while :; do sleep 0.05; done";
    const folder = await bundle("signal", ["sh", "-c", script]);
    const child = Bun.spawn(runc.argv("run", "-b", folder, "signal"), { stdout: "pipe" });
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let text = "";
    while (!text.includes("ready")) text += decoder.decode((await reader.read()).value);
    child.kill("SIGUSR1");
    expect(await child.exited).toBe(7);
  });

  test("run on a terminal relays, resizes, and restores ours", async () => {
    const folder = await bundle("tty", ["sh"], (config) => {
      config.process["terminal"] = true;
    });
    const session = new TerminalSession(runc.argv("run", "-b", folder, "tty"), {
      columns: 81,
      rows: 31,
    });
    try {
      await session.asksUntil("stty size\n", /\b31 81\b/);
      session.resize({ columns: 101, rows: 41 });
      await session.asksUntil("stty size\n", /\b41 101\b/);
      session.type("exit 9\n");
      expect(await session.exited()).toBe(9);
    } finally {
      session.close();
    }
  });

  test("a failure is a JSON line in the log and a line on stderr, no more", async () => {
    const log = sandbox.path("runc.log");
    const result = await runc.call(["--log", log, "--log-format", "json", "exec", "none", "true"]);
    expect(result.code).toBe(255);
    expect(result.stdout).toBe("");
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines.length).toBe(1);
    const line = JSON.parse(lines[0]!);
    expect(line.level).toBe("error");
    expect(line.msg).toMatch(/^exec failed: container does not exist/);
    expect(Number.isNaN(Date.parse(line.time))).toBe(false);
    expect(line.chain.frames[0]).toMatchObject({ layer: "runc", message: "exec failed" });
    expect(result.stderr).toBe(`${line.msg}\n`);
    const explained = sandbox.path("catena-state", "errors", `${line.chain.id}.json`);
    expect(existsSync(explained)).toBe(true);
  });

  test(
    "refusals have runc's words and codes",
    async () => {
      const folder = await bundle("words", ["sleep", "100000"]);
      const refused = async (args: string[], words: RegExp, code = 1) => {
        const result = await runc.call(args);
        expect([args, result.code, result.stdout]).toEqual([args, code, ""]);
        expect(result.stderr).toMatch(words);
      };
      await refused(["state", "none"], /container does not exist/);
      await refused(["kill", "none", "KILL"], /container does not exist/);
      await refused(["delete", "none"], /container does not exist/);
      await refused(["state", "../x"], /invalid container ID format/);
      await refused(["run", "-b", sandbox.folder, "x"], /config\.json not found/);
      expect((await runc.call(["delete", "--force", "none"])).code).toBe(0);
      await runc.mustDetach(["run", "-d", "-b", folder, "words"]);
      await refused(["run", "-b", folder, "words"], /container with given ID already exists/);
      await refused(
        ["delete", "words"],
        /cannot delete container words that is not stopped: running/,
      );
      await refused(["start", "words"], /cannot start an already running container/);
      await refused(["resume", "words"], /container not paused/);
      await refused(["exec", "words", "nope"], /executable file not found in \$PATH/, 255);
      await refused(["exec", "--cwd", "/nope", "words", "true"], /no such file or directory/, 255);
      await runc.must(["pause", "words"]);
      await refused(["exec", "words", "true"], /cannot exec in a paused container/, 255);
      await runc.must(["resume", "words"]);
      await runc.must(["kill", "words", "9"]);
      await waitUntil("it stopped", async () => (await runc.status("words")) === "stopped");
      await refused(["kill", "words"], /container not running/);
      await refused(["exec", "words", "true"], /cannot exec in a stopped container/, 255);
      await runc.must(["delete", "words"]);
      await noLeak();
    },
    STEP_MS,
  );

  test(
    "at its pids limit an exec is refused with numbers and fix, and a rescue gets in",
    async () => {
      const fill = `for i in $(seq 1 ${LIMIT - 1}); do sleep 100000 & done; wait`;
      const folder = await makeBundle(sandbox, "full", {
        args: ["sh", "-c", fill],
        pidsLimit: LIMIT,
      });
      await runc.mustDetach(["run", "-d", "-b", folder, "full"]);
      const { pid } = JSON.parse(await runc.must(["state", "full"]));
      const cgroup = cgroupOfProcess(pid, "pids");
      const usage = () => readCgroupNumber(cgroup, "pids.current");
      await waitUntil("it is full", () => usage() === LIMIT);
      const refused = await runc.call(["exec", "full", "true"]);
      expect(refused.code).toBe(255);
      expect(refused.stderr).toMatch(new RegExp(`\\b${LIMIT} of ${LIMIT}\\b`));
      expect(refused.stderr).toMatch(/fix: /);
      expect(refused.stderr).toContain(cgroup);
      expect(usage()).toBe(LIMIT);
      const rescued = await runc.must(["exec", "--rescue", "full", "sh", "-c", "echo in; ls /"]);
      expect(rescued).toMatch(/^in\n/);
      await runc.must(["delete", "-f", "full"]);
      await noLeak();
    },
    STEP_MS,
  );

  test(
    "hooks run at their moments, with the state on stdin; a failing one undoes the creation",
    async () => {
      const trail = sandbox.path("trail");
      const hook = (name: string) => ({
        path: "/bin/sh",
        args: ["sh", "-c", `echo ${name} $(cat) >>${trail}`],
      });
      const hooks = Object.fromEntries(
        ["prestart", "createRuntime", "poststart", "poststop"].map((name) => [name, [hook(name)]]),
      );
      const folder = await bundle("hooks", ["true"], (config) => Object.assign(config, { hooks }));
      await runc.must(["run", "-b", folder, "hooks"]);
      const told = readFileSync(trail, "utf8").trim().split("\n");
      expect(told.map((line) => line.split(" ")[0])).toEqual([
        "prestart",
        "createRuntime",
        "poststart",
        "poststop",
      ]);
      expect(told[0]).toContain('"status":"creating"');
      const failing = await bundle("failing", ["true"], (config) =>
        Object.assign(config, {
          hooks: { prestart: [{ path: "/bin/sh", args: ["sh", "-c", "echo why >&2; exit 3"] }] },
        }),
      );
      const result = await runc.call(["run", "-b", failing, "failing"]);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/error running prestart hook #0: .*exit status 3.*why/);
      expect(await runc.status("failing")).toBeUndefined();
      await noLeak();
    },
    STEP_MS,
  );

  test("no descriptor but those asked for reaches the program", async () => {
    const folder = await bundle("fds", ["sh", "-c", "ls /proc/self/fd; cat <&3"]);
    const secret = sandbox.path("secret");
    writeFileSync(secret, "given\n");
    const call = (flags: string) =>
      Bun.spawnSync(
        ["sh", "-c", `exec "$@" ${flags} fds 3<${secret} 4<${secret}`, "sh"].concat(
          runc.argv("run", "-b", folder),
        ),
      );
    const kept = call("--preserve-fds 1").stdout.toString();
    expect(kept).toMatch(/^0\n1\n2\n3\n4\ngiven\n$/);
    const closed = call("").stdout.toString();
    expect(closed).not.toContain("given");
  });

  test(
    `${RUNS} runs and ${RUNS} failed runs leave nothing`,
    async () => {
      const good = await bundle("good", ["true"]);
      const bad = await bundle("bad", ["/no/such/program"]);
      for (let i = 0; i < RUNS; i++) {
        expect((await runc.call(["run", "-b", good, "good"])).code).toBe(0);
        const failed = await runc.call(["run", "-b", bad, "bad"]);
        expect(failed.code).toBe(1);
        expect(failed.stderr).toMatch(/no such file or directory/);
      }
      await noLeak();
    },
    STEP_MS,
  );
});
