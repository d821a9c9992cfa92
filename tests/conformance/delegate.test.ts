import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { binPath } from "#lib/install/install_paths.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import type { Container } from "./harness/container.ts";
import { Trial } from "./harness/trial.ts";

// `catena-runc --delegate runc`: genuine runc does the work, a failure gains our diagnosis.

const reason = reasonToSkip(["catena runc", "genuine runc"]);

describe.skipIf(reason !== undefined)(`--delegate${reason ? ` (${reason})` : ""}`, () => {
  let sandbox: Sandbox;
  let trial: Trial;
  let container: Container;
  beforeAll(async () => {
    sandbox = new Sandbox();
    const argv = [binPath("catena-runc"), "--delegate", GENUINE.runc];
    trial = new Trial({ name: "runc", argv, root: sandbox.path("states") }, sandbox);
    container = await trial.start({
      script: "for i in 1 2 3 4 5; do sleep 100000 & done; wait",
      edit(config) {
        config.linux.resources["pids"] = { limit: 40 };
      },
    });
  });
  afterAll(async () => {
    await trial.close();
    await sandbox.close();
  });

  test("what works is genuine runc's, streams, codes and all", async () => {
    expect((await trial.must(["--version"])).startsWith("runc version")).toBe(true);
    const result = await container.tryExec(["sh", "-c", "cat; exit 7"], [], { stdin: "in" });
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 7, stdout: "in" });
    expect(result.stderr).toBe("");
  });

  test("a missing program is explained, on stderr and in the caller's log", async () => {
    const result = await container.tryExec(["no-such-program"]);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain("executable file not found in $PATH");
    expect(result.stderr).toContain("the image has no program no-such-program");
    const log = trial.path("log.json");
    const globals = ["--log", log, "--log-format", "json"];
    await trial.call([...globals, "exec", container.id, "no-such-program"]);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    const last = JSON.parse(lines.at(-1)!);
    expect(last.level).toBe("error");
    expect(last.msg).toContain("executable file not found in $PATH");
    expect(last.chain.frames[0].causeId).toBe("exec-not-found");
  });

  test("a full pids cgroup is explained, with its numbers", async () => {
    await trial.must(["update", "--pids-limit", "6", container.id]);
    // Its init joins and then starts threads: now and then none is refused.
    let result = await container.tryExec(["true"]);
    for (let round = 0; round < 40 && result.code === 0; round++) {
      result = await container.tryExec(["true"]);
    }
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/pids cgroup \S+ (is full: 6 of 6|refused)/);
    expect(result.stderr).toContain("raise the pids limit");
  });

  test("a missing program of a bundle is explained", async () => {
    const result = await trial.tryRun({ args: ["/bin/none"] });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("the image has no program /bin/none");
  });
});
