import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { runCommand } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// Where a container's output goes when nobody attaches: into a file, or through a program that is
// told whose it is, sees the end of both streams, and is not waited for after that.

const LIMIT_MS = 120_000;
const SCRIPT = "echo out; echo err >&2; sleep 0.2; echo late";
/** Well below the ten seconds after which a logger that does not end is killed. */
const DELETED_MS = 5_000;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

describe(reason ? `loggers [skipped: ${reason}]` : "loggers", () => {
  const sandbox = new Sandbox();
  let socket = "";

  if (!reason) {
    beforeAll(async () => {
      ({ socket } = await startCatenaContainerd(sandbox));
      await ctr("images", "import", await busyboxImageArchive(sandbox));
    }, LIMIT_MS);
  }
  afterAll(() => sandbox.close(), LIMIT_MS);

  const step = (name: string, work: () => Promise<void>) =>
    test.skipIf(reason !== undefined)(name, work, LIMIT_MS);
  const ctr = (...args: string[]) =>
    runCommand([GENUINE.ctr, "-a", socket, "-n", sandbox.tag, ...args]);
  const run = (uri: string, id: string) => {
    const flags = ["-d", "--log-uri", uri, "--runtime", "io.containerd.catena.v2"];
    return ctr("run", ...flags, IMAGE, id, "sh", "-c", SCRIPT);
  };

  async function deleted(id: string): Promise<void> {
    await waitUntil(`${id} has stopped`, async () => {
      return (await ctr("task", "ls")).stdout.includes("STOPPED");
    });
    const started = performance.now();
    expect((await ctr("task", "rm", id)).code).toBe(0);
    expect(performance.now() - started).toBeLessThan(DELETED_MS);
  }

  step("a file gets both streams", async () => {
    const path = sandbox.path("file.log");
    expect((await run(`file://${path}`, "filed")).stderr).toBe("");
    await deleted("filed");
    expect(readFileSync(path, "utf8").split("\n").sort()).toEqual(["", "err", "late", "out"]);
  });

  step("a program gets each stream to its end", async () => {
    const log = sandbox.path("program.log");
    const logger = sandbox.path("logger");
    const lines = [
      "#!/bin/sh",
      `exec >${log}`,
      'echo "$CONTAINER_NAMESPACE $CONTAINER_ID $*"',
      "exec 5>&-",
      "cat <&3",
      "cat <&4",
      "echo end",
    ];
    writeFileSync(logger, `${lines.join("\n")}\n`, { mode: 0o755 });
    expect((await run(`binary://${logger}?one=1&two`, "logged")).stderr).toBe("");
    await deleted("logged");
    const head = `${sandbox.tag} logged one 1 two`;
    expect(readFileSync(log, "utf8")).toBe(`${head}\nout\nlate\nerr\nend\n`);
  });

  step("a program that is not there is told by its name, and leaves nothing", async () => {
    const { code, stderr } = await run("binary:///no/such/logger", "missing");
    expect(code).toBe(1);
    expect(stderr).toMatch(/failed to start binary process: \/no\/such\/logger: .*no such file/);
    expect((await ctr("task", "ls", "-q")).stdout).toBe("");
  });
});
