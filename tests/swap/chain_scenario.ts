import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { cgroupOfProcess, readCgroupNumber } from "../lib/cgroup_tree.ts";
import { type CommandResult, expectCode } from "../lib/command.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { ChainClient } from "./chain_client.ts";
import { type ChainPlan, ChainUnderTest, SLEEP } from "./chain_under_test.ts";

const STEP_MS = 300_000;
const PIDS_LIMIT = 10;
/** Fills the limit exactly: the shell and nine sleepers. */
const FILL = `for i in $(seq 1 ${PIDS_LIMIT - 1}); do sleep 100000 & done; wait`;
const BIG = "0123456789abcdef".repeat(64 * 1024);

/** Declares the same scenario for any chain: the proof that a link equals the genuine one. */
export function describeChain(plan: ChainPlan): void {
  const reason = plan.impossible ?? reasonToSkip(plan.boxes);
  const title = reason ? `${plan.name} [skipped: ${reason}]` : plan.name;
  describe(title, () => {
    const chain = new ChainUnderTest(plan);
    if (!reason) {
      beforeAll(() => chain.open(), STEP_MS);
      afterAll(() => chain.close(), STEP_MS);
    }
    const step = (name: string, work: (client: ChainClient) => Promise<void>) =>
      test.skipIf(reason !== undefined)(name, () => chain.step(work), STEP_MS);
    declareRuns(step);
    declareExecs(step);
    declareLifecycle(step);
    declareLimits(step, plan.explainsLimits);
    step("leaves nothing behind", () => chain.expectNoLeak());
  });
}

type Step = (name: string, work: (client: ChainClient) => Promise<void>) => void;

function declareRuns(step: Step): void {
  step("runs a command and keeps stdout and stderr apart", async (client) => {
    const command = ["sh", "-c", "echo out; echo err >&2"];
    const result = await client.runAttached({ name: "run", command });
    expectCode(result, 0);
    expect(result.stdout).toBe("out\n");
    expect(result.stderr).toBe("err\n");
    expect(await client.status("run")).toBe("absent");
  });

  step("tells exit code 42", async (client) => {
    expectCode(await client.runAttached({ name: "code", command: ["sh", "-c", "exit 42"] }), 42);
  });

  step("passes stdin on to its end", async (client) => {
    const result = await client.runAttached({ name: "stdin", command: ["wc", "-c"], stdin: BIG });
    expectCode(result, 0);
    expect(result.stdout.trim()).toBe(String(BIG.length));
  });
}

function declareExecs(step: Step): void {
  const inContainer = (name: string, work: (client: ChainClient) => Promise<void>) =>
    step(name, async (client) => {
      await client.runDetached({ name: "host", command: SLEEP });
      try {
        await work(client);
      } finally {
        await client.remove("host");
      }
    });

  inContainer("execs a command with its output and exit code 42", async (client) => {
    const command = ["sh", "-c", "echo out; echo err >&2; exit 42"];
    const result = await client.exec("host", { command });
    expectCode(result, 42);
    expect(result.stdout).toBe("out\n");
    expect(result.stderr).toContain("err\n");
  });

  inContainer("execs in the container's own pid namespace and cgroup", async (client) => {
    const result = await client.exec("host", {
      command: ["sh", "-c", "tr '\\0' ' ' </proc/1/cmdline"],
    });
    expect(result.stdout).toBe("sleep 100000 ");
  });

  inContainer("passes an exec's stdin on to its end", async (client) => {
    const result = await client.exec("host", { command: ["md5sum"], stdin: BIG });
    expectCode(result, 0);
    const digest = new Bun.CryptoHasher("md5").update(BIG).digest("hex");
    expect(result.stdout).toContain(digest);
  });

  inContainer("execs on a terminal that follows resizes", async (client) => {
    const session = client.execTerminal("host", { columns: 81, rows: 31 });
    try {
      await session.asksUntil("stty size\n", /\b31 81\b/);
      // Genuine ctr listens for SIGWINCH only after it has told the first size: one signal may be
      // lost, and a size that stays the same sends none.
      await session.asksUntil("stty size\n", /\b41 101\b/, () => {
        session.resize({ columns: 100, rows: 41 });
        session.resize({ columns: 101, rows: 41 });
      });
      // It listens now: one resize must be enough.
      session.resize({ columns: 111, rows: 51 });
      await session.asksUntil("stty size\n", /\b51 111\b/);
      session.type("tty; exit 7\n");
      expect(await session.exited()).toBe(7);
      expect(session.output).toContain("/dev/pts/0");
    } finally {
      session.close();
    }
  });

  inContainer("refuses a program that is not there, and goes on working", async (client) => {
    const result = await client.exec("host", { command: ["/no/such/program"] });
    expect(result.code).not.toBe(0);
    expect(result.stderr + result.stdout).toMatch(/no such file or directory/);
    expectCode(await client.exec("host", { command: ["true"] }), 0);
  });
}

function declareLifecycle(step: Step): void {
  step("keeps logs", async (client) => {
    // It lives on for a while: containerd 1.6 loses stderr when a program ends at once.
    const command = ["sh", "-c", "echo one; echo two >&2; sleep 2"];
    await client.runDetached({ name: "logs", command });
    await waitUntil("both lines are logged", async () => {
      const text = await client.logs("logs");
      return text.includes("one\n") && text.includes("two\n");
    });
    await client.remove("logs");
  });

  step("kills with a signal that the program handles, and tells its exit code", async (client) => {
    const command = ["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"];
    await client.runDetached({ name: "trap", command });
    await waitUntil("it is ready", async () => (await client.logs("trap")).includes("ready"));
    await client.kill("trap", "SIGTERM");
    expect(await client.wait("trap")).toBe(3);
    await client.remove("trap");
    expect(await client.status("trap")).toBe("absent");
  });

  step("kills with SIGKILL: exit code 137", async (client) => {
    await client.runDetached({ name: "kill", command: SLEEP });
    expect(await client.status("kill")).toBe("running");
    await client.kill("kill", "SIGKILL");
    expect(await client.wait("kill")).toBe(137);
    await client.remove("kill");
  });

  step("pauses and unpauses", async (client) => {
    await client.runDetached({ name: "pause", command: SLEEP });
    await client.pause("pause");
    expect(await client.status("pause")).toBe("paused");
    const refused = await client.exec("pause", { command: ["true"] });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr + refused.stdout).toMatch(/paused/);
    await client.unpause("pause");
    expect(await client.status("pause")).toBe("running");
    expectCode(await client.exec("pause", { command: ["true"] }), 0);
    await client.remove("pause");
  });
}

function declareLimits(step: Step, explains: boolean): void {
  step("holds the pids limit, at which an exec is refused", async (client) => {
    const command = ["sh", "-c", FILL];
    await client.runDetached({ name: "limit", command, pidsLimit: PIDS_LIMIT });
    const cgroup = cgroupOfProcess(await client.initPid("limit"), "pids");
    await waitUntil("the limit is reached", () => {
      return readCgroupNumber(cgroup, "pids.current") === PIDS_LIMIT;
    });
    expect(readCgroupNumber(cgroup, "pids.max")).toBe(PIDS_LIMIT);
    // The genuine runtime joins first and asks later: its exec at the limit is a matter of luck.
    const refused = await client.exec("limit", { command: ["true"] });
    if (explains) expectDefiniteWords(refused);
    await waitUntil("the exec has left no process", () => {
      return readCgroupNumber(cgroup, "pids.current") === PIDS_LIMIT;
    });
    await client.setPidsLimit("limit", PIDS_LIMIT * 10);
    expectCode(await client.exec("limit", { command: ["true"] }), 0);
    await client.remove("limit");
  });
}

/** The limit, its value and usage, the cgroup, who holds it, the fix: all in one message. */
function expectDefiniteWords(result: CommandResult): void {
  const text = result.stderr + result.stdout;
  expect(result.code).not.toBe(0);
  expect(text).toMatch(/pids/);
  expect(text).toMatch(new RegExp(`\\b${PIDS_LIMIT} of ${PIDS_LIMIT}\\b`));
  expect(text).toMatch(/fix: /);
  expect(text).toMatch(/catena explain [a-z0-9]+/);
}
