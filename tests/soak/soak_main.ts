import { parseArgs } from "node:util";
import type { ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { readProcess } from "../lib/process_table.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { type Alive, LASTING, soakClients, type Tally } from "./soak_clients.ts";
import { type ExecPart, soakExecs } from "./soak_execs.ts";
import { IMAGE, SoakStack } from "./soak_stack.ts";

// `npm run soak -- --minutes 10 --execs 50000 --clients 50 --seed N`: clients run, exec, read logs
// and remove, and disconnect at random moments; in the middle the daemon is killed and started
// again. Then as many execs as said, with an eye on memory. In the end all must be as it was.

/** Of what is left over, so much is told. */
const MAX_TOLD = 100;
const EXITS_WHILE_AWAY = 10;
/** How long a busy machine may take to put away what clients left. */
const SETTLE_MS = 300_000;
/** A tenth of the execs may hold so much more than the third one, where all is warm. */
const GROWTH = 1.1;
const GROWTH_MB = 4;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      execs: { type: "string", default: "50000" },
      clients: { type: "string", default: "50" },
      seed: { type: "string", default: String(Date.now() >>> 0) },
    },
  });
  const [minutes, execs, clients, seed] = [
    values.minutes,
    values.execs,
    values.clients,
    values.seed,
  ].map(Number);
  if (![minutes, execs, clients, seed].every((value) => Number.isFinite(value))) {
    throw new RangeError("numbers are wanted");
  }
  console.log(`seed ${seed}: repeat with --seed ${seed}`);
  const stack = new SoakStack();
  try {
    await stack.open();
    const faults = await soak(stack, minutes!, execs!, clients!, seed!);
    console.log(faults.length === 0 ? "\nNothing was left, nothing was lost." : "\nFAULTS:");
    for (const fault of faults) console.log(`  ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await stack.close();
  }
}

async function soak(
  stack: SoakStack,
  minutes: number,
  execs: number,
  clients: number,
  seed: number,
): Promise<string[]> {
  const alive: Alive = new Map();
  await startLasting(stack);
  // What is made once: bridges, caches, connections.
  const warm = { clients, seed, untilMs: Date.now() + 5_000, isAway: () => false };
  await soakClients(stack, alive, warm);
  const before = await settledStock(stack);
  console.log(figuresLine("before", stack));

  let away = false;
  const halfMs = (minutes * 60_000) / 2;
  const untilMs = Date.now() + 2 * halfMs;
  const work = soakClients(stack, alive, { clients, seed, untilMs, isAway: () => away });
  await Bun.sleep(halfMs);
  const leaving = await startLeaving(stack);
  away = true;
  const faults = await killAndAccount(stack, alive, leaving);
  away = false;
  const tally = await work;
  faults.push(...tellTally(tally));
  console.log(figuresLine("after the clients", stack));
  await settledStock(stack);
  faults.push(...tellDifference(await stack.difference(before)));

  const parts = await soakExecs(stack, execs, tellPart);
  faults.push(...growth(parts));
  faults.push(...tellDifference(await stack.difference(before)));
  return faults;
}

async function startLasting(stack: SoakStack): Promise<void> {
  const Cmd = ["sh", "-c", "while :; do echo tick; sleep 1; done"];
  const HostConfig = { NetworkMode: "none", CgroupParent: `/${stack.sandbox.tag}` };
  const body = { Image: IMAGE, Cmd, HostConfig };
  const engine = stack.engine();
  await engine.containerCreate({ name: LASTING, platform: "", body }, {});
  await engine.containerStart(LASTING, {});
}

/**
 * Stock once nothing moves any more: requests whose clients are gone are still being answered, and
 * what clients left behind is still being put away.
 */
async function settledStock(stack: SoakStack) {
  let last = await stack.stock();
  await waitUntil(
    "nothing moves",
    async () => {
      await Bun.sleep(5_000);
      await removeAllBut(stack, LASTING);
      const now = await stack.stock();
      const same = JSON.stringify(now) === JSON.stringify(last);
      last = now;
      return same;
    },
    SETTLE_MS,
  );
  return last;
}

/** Containers that end while the daemon is away: number N with exit code N. */
async function startLeaving(stack: SoakStack): Promise<string[]> {
  const engine = stack.engine();
  const HostConfig = { NetworkMode: "none", CgroupParent: `/${stack.sandbox.tag}` };
  const ids: string[] = [];
  for (let number = 0; number < EXITS_WHILE_AWAY; number++) {
    const Cmd = ["sh", "-c", `while [ ! -e /tmp/go ]; do sleep 0.2; done; exit ${number}`];
    const options = {
      name: `leaving${number}`,
      platform: "",
      body: { Image: IMAGE, Cmd, HostConfig },
    };
    const { Id } = await engine.containerCreate(options, {});
    await engine.containerStart(Id, {});
    ids.push(Id);
  }
  return ids;
}

/** Kills the daemon, starts it again, and says what of its containers is not as it must be. */
async function killAndAccount(
  stack: SoakStack,
  alive: Alive,
  leaving: string[],
): Promise<string[]> {
  const engine = stack.engine();
  const pids = await Promise.all(
    leaving.map(async (id) => (await engine.containerInspect(id, false, {})).State.Pid),
  );
  const held = [...alive.keys()];
  await stack.daemon.kill();
  for (const pid of pids) await Bun.write(`/proc/${pid}/root/tmp/go`, "");
  await waitUntil("what is to end while the daemon is away has ended", () =>
    pids.every((pid) => readProcess(pid) === undefined),
  );
  await stack.daemon.start();
  const after = stack.engine();
  const listed = await after.containerList({ all: true, limit: 0, size: false, filters: {} }, {});
  const faults = await wrongExits(stack, leaving);
  const byId = new Map(listed.map((container) => [container.Id, container]));
  // One that a client asked to remove meanwhile may be gone.
  const lost = held.filter((id) => alive.has(id) && !byId.has(id));
  faults.push(...lost.map((id) => `lost over the restart: container ${id}`));
  faults.push(...(await falselyRunning(stack, listed)));
  console.log(
    `killed and started again: ${held.length} containers of clients and ${leaving.length} that ` +
      `ended meanwhile accounted for, ${lost.length} lost`,
  );
  return faults;
}

async function wrongExits(stack: SoakStack, leaving: string[]): Promise<string[]> {
  const engine = stack.engine();
  const faults: string[] = [];
  for (const [number, id] of leaving.entries()) {
    const { State } = await engine.containerInspect(id, false, {});
    if (State.Running || State.ExitCode !== number) {
      faults.push(`leaving${number}: ${State.Status}, exit code ${State.ExitCode}`);
    }
  }
  return faults;
}

/** Containers that are said to run, and whose process is not there. */
async function falselyRunning(stack: SoakStack, listed: ContainerSummary[]): Promise<string[]> {
  const engine = stack.engine();
  const faults: string[] = [];
  for (const { Id } of listed) {
    const view = await engine.containerInspect(Id, false, {}).catch(() => undefined);
    if (!view?.State.Running || readProcess(view.State.Pid)) continue;
    // It may have ended this moment.
    const again = await engine.containerInspect(Id, false, {}).catch(() => undefined);
    if (again?.State.Running && !readProcess(again.State.Pid)) faults.push(`not running: ${Id}`);
  }
  return faults;
}

async function removeAllBut(stack: SoakStack, kept: string): Promise<void> {
  const engine = stack.engine();
  const options = { all: true, limit: 0, size: false, filters: {} };
  for (const { Id, Names } of await engine.containerList(options, {})) {
    if (Names.includes(`/${kept}`)) continue;
    // A removal that a client asked for may be under way.
    await engine
      .containerRemove(Id, { force: true, volumes: true, link: false }, {})
      .catch(() => undefined);
  }
  await waitUntil(
    "all but one are removed",
    async () => {
      return (await engine.containerList(options, {})).length === 1;
    },
    SETTLE_MS,
  );
}

/** Told at once: a soak is long, and may be ended before its end. */
function tellDifference(found: string[]): string[] {
  console.log(`as it was before, but for ${found.length} things`);
  for (const line of found.slice(0, MAX_TOLD)) console.log(`  ${line}`);
  return found.slice(0, MAX_TOLD);
}

function tellTally({ done, disconnected, away, failures }: Tally): string[] {
  const sum = Object.values(done).reduce((total, count) => total + count, 0);
  console.log(
    `${sum} done (${Object.entries(done)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}), ${disconnected} disconnected, ${away} while the daemon was away`,
  );
  return [...failures].map(([words, count]) => `${count} × ${words}`);
}

function figuresLine(when: string, stack: SoakStack): string {
  const figures = stack.figures();
  return (
    `${when}: daemon ${figures.daemonMb.toFixed(1)} MB, ${figures.daemonFds} descriptors, ` +
    `${figures.daemonThreads} threads; shim ${figures.shimMb.toFixed(1)} MB, ` +
    `${figures.shimFds} descriptors`
  );
}

function tellPart(part: ExecPart): void {
  const rate = part.execs / part.seconds;
  console.log(
    `${part.execs} execs, ${rate.toFixed(0)} a second: daemon ${part.daemonMb.toFixed(1)} MB, ` +
      `${part.daemonFds} descriptors; shim ${part.shimMb.toFixed(1)} MB, ` +
      `${part.shimFds} descriptors`,
  );
}

/** The last tenth against the third, where everything is warm. */
function growth(parts: ExecPart[]): string[] {
  const [first, last] = [parts[2], parts.at(-1)];
  if (!first || !last) return [];
  const kinds = ["daemonMb", "shimMb", "daemonFds", "shimFds"] as const;
  return kinds
    .filter((kind) => last[kind] > first[kind] * GROWTH + GROWTH_MB)
    .map((kind) => `${kind} grew from ${first[kind].toFixed(1)} to ${last[kind].toFixed(1)}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
