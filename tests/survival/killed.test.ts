import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { expectCode } from "../lib/command.ts";
import { processesOf, readProcess } from "../lib/process_table.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { ChainClient } from "../swap/chain_client.ts";
import { GENUINE_STACK, OUR_DAEMON, OUR_SPLIT_STACK } from "../swap/chain_plans.ts";
import { type ChainPlan, ChainUnderTest } from "../swap/chain_under_test.ts";

// A link is killed with -9 while three containers run, and one of them ends before it is back.

const LIMIT_MS = 300_000;
/** Runs until somebody puts a file into its root, then ends with 42. */
const UNTIL_TOLD = "echo started; while [ ! -e /stop ]; do sleep 0.1; done; exit 42";
const NAMES = ["one", "two", "ending"];

interface Killing {
  what: string;
  plan: ChainPlan;
  /** Kills the link; what it returns brings it back. */
  kill(chain: ChainUnderTest): Promise<() => Promise<void>>;
}

async function killDaemon(chain: ChainUnderTest, index: number): Promise<() => Promise<void>> {
  const daemon = chain.daemons[index]!;
  await daemon.kill();
  return () => daemon.start();
}

/** The shim comes back when somebody needs it: nobody starts it. */
async function killShim(chain: ChainUnderTest): Promise<() => Promise<void>> {
  const { folder, tag } = chain.sandbox;
  const shims = processesOf(folder, tag).filter(({ command }) =>
    /^\S*containerd-shim-catena/.test(command),
  );
  expect(shims.length).toBeGreaterThan(0);
  for (const { pid } of shims) process.kill(pid, "SIGKILL");
  await waitUntil("the shims are gone", () => shims.every(({ pid }) => !readProcess(pid)));
  return async () => {};
}

const KILLINGS: Killing[] = [
  // The control: without it a failure of ours would prove nothing.
  { what: "the genuine dockerd", plan: GENUINE_STACK, kill: (chain) => killDaemon(chain, 1) },
  { what: "the daemon", plan: OUR_DAEMON, kill: (chain) => killDaemon(chain, 0) },
  { what: "the shim", plan: OUR_DAEMON, kill: killShim },
  { what: "containerd alone", plan: OUR_SPLIT_STACK, kill: (chain) => killDaemon(chain, 0) },
  { what: "dockerd alone", plan: OUR_SPLIT_STACK, kill: (chain) => killDaemon(chain, 1) },
];

for (const { what, plan, kill } of KILLINGS) {
  const reason = reasonToSkip(plan.boxes);
  describe(reason ? `kill -9 of ${what} [skipped: ${reason}]` : `kill -9 of ${what}`, () => {
    let chain: ChainUnderTest | undefined;
    afterEach(() => chain?.close(), LIMIT_MS);

    test.skipIf(reason !== undefined)(
      "two containers run on, the third has its true exit code, exec works, nothing leaks",
      async () => {
        chain = new ChainUnderTest(plan);
        await chain.open();
        await chain.step((client) => surviveKill(client, () => kill(chain!)));
        // The genuine dockerd keeps the log of the container that ended without it open.
        if (plan !== GENUINE_STACK) await chain.expectNoLeak();
      },
      LIMIT_MS,
    );
  });
}

async function surviveKill(
  client: ChainClient,
  kill: () => Promise<() => Promise<void>>,
): Promise<void> {
  const pids: Record<string, number> = {};
  for (const name of NAMES) {
    await client.runDetached({ name, command: ["sh", "-c", UNTIL_TOLD] });
    pids[name] = await client.initPid(name);
  }
  const comeBack = await kill();
  for (const name of NAMES) expect(readProcess(pids[name]!), `${name} runs on`).toBeDefined();
  writeFileSync(`/proc/${pids["ending"]}/root/stop`, "");
  await waitUntil("the third ends", () => !isRunning(pids["ending"]!));
  await comeBack();

  await waitUntil("its end is known", async () => (await client.status("ending")) === "stopped");
  expect(await client.wait("ending")).toBe(42);
  for (const name of ["one", "two"]) {
    expect(await client.status(name)).toBe("running");
    expect(await client.initPid(name)).toBe(pids[name]!);
    expectCode(await client.exec(name, { command: ["sh", "-c", "exit 0"] }), 0);
    expect(await client.logs(name)).toContain("started");
  }
  await client.kill("one", "SIGKILL");
  expect(await client.wait("one")).toBe(137);
  for (const name of NAMES) await client.remove(name);
}

/** Its keeper may take its time to reap it: a zombie has ended. */
function isRunning(pid: number): boolean {
  const entry = readProcess(pid);
  return entry !== undefined && !entry.command.startsWith("[");
}
