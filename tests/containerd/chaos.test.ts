import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { TaskStatus } from "#wire/task-ttrpc/task_service.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { type CatenaFolders, startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import type { Daemon } from "../lib/daemon.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { processesOf } from "../lib/process_table.ts";
import { forSeeds, type Random } from "../lib/random.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// containerd, the shim, a keeper, or several of them are killed with -9 at a random moment of a
// random request. Whatever was asked: afterwards every container is what it was before or what it
// was to become, its exit code is the true one, and it can be removed without a trace.

const LIMIT_MS = 300_000;
const ROUNDS = 12;
/** The kill comes this long after the request, at most: a whole run takes about 30 ms. */
const MOMENT_MS = 60;
const TOLD_MS = 10_000;
/** Idle until it is told to end. */
const UNTIL_TERM = ["sh", "-c", "trap 'exit 42' TERM; sleep 100000 & wait"];
const SHIM = /^\S*containerd-shim-catena/;
const BUNDLES = "io.containerd.runtime.v2.task";
const KILLED = 137;
/** SIGTERM in /proc/PID/status. */
const TERM_BIT = 1n << 14n;
const reason = reasonToSkip(["catena containerd", "catena shim", "catena runc"]);

type Victim = "containerd" | "shim" | "keeper";
const VICTIMS: Victim[][] = [
  ["containerd"],
  ["shim"],
  ["keeper"],
  ["containerd", "shim"],
  ["shim", "keeper"],
  ["containerd", "shim", "keeper"],
];

/** What a container must be. */
interface Expected {
  id: string;
  pid: number;
  /** How it may have ended; empty while it is to run. */
  codes: number[];
  /** Its end was seen: it must stay what it was. */
  told?: boolean;
}

class Stage {
  readonly sandbox = new Sandbox();
  readonly containers: Expected[] = [];
  daemon!: Daemon & CatenaFolders;
  client!: ContainerdClient;
  #count = 0;

  async open(): Promise<void> {
    const archive = await busyboxImageArchive(this.sandbox);
    this.daemon = await startCatenaContainerd(this.sandbox);
    this.client = new ContainerdClient(this.sandbox, this.daemon, "io.containerd.catena.v2");
    await this.client.prepare(archive);
  }

  newId(): string {
    return `c${++this.#count}`;
  }

  async run(id: string): Promise<void> {
    await this.client.run(UNTIL_TERM, { id });
    const { pid } = await this.state(id);
    // The kernel drops a signal that the first process of a pid namespace does not handle yet.
    await waitUntil(`${id} handles SIGTERM`, () => handlesTerm(pid));
    this.containers.push({ id, pid, codes: [] });
  }

  async state(id: string) {
    const { tasks } = this.client.services;
    return (await tasks.get({ containerId: id }, this.client.context)).process!;
  }

  /** Removes whatever there is of a container, in whatever state an interrupted request left it. */
  async clear(id: string): Promise<void> {
    const { services, context } = this.client;
    await waitUntil(`${id} is removed`, async () => {
      const steps = [
        () => services.tasks.kill({ containerId: id, signal: 9 }, context),
        () => services.tasks.wait({ containerId: id }, { ...context, timeoutMs: TOLD_MS }),
        () => services.tasks.delete({ containerId: id }, context),
        () => services.snapshots.remove({ snapshotter: "overlayfs", key: id }, context),
        () => services.containers.delete({ id }, context),
      ];
      const results: boolean[] = [];
      for (const step of steps) results.push(await succeedsOrNotFound(step));
      return results.every(Boolean);
    });
  }

  kill(victims: Victim[], keeperOf: Expected | undefined): Promise<unknown> {
    return Promise.all(
      victims.map(async (victim) => {
        if (victim === "containerd") await this.daemon.kill();
        else if (victim === "shim") this.#killShims();
        else if (keeperOf) this.#killKeeper(keeperOf);
      }),
    );
  }

  #killShims(): void {
    const { folder, tag } = this.sandbox;
    for (const { pid, command } of processesOf(folder, tag)) {
      if (SHIM.test(command)) process.kill(pid, "SIGKILL");
    }
  }

  #killKeeper(container: Expected): void {
    const bundle = join(this.daemon.state, BUNDLES, this.sandbox.tag, container.id);
    const keeper = Number(readFileSync(join(bundle, "catena", "pid"), "utf8"));
    // A container whose keeper was killed before may be picked again.
    if (!runs(keeper)) return;
    process.kill(keeper, "SIGKILL");
    // What it did not write down nobody can tell any more: the container is ended as if killed.
    if (!container.told) container.codes.push(KILLED);
  }

  snapshot(): LeakSnapshot {
    return takeSnapshot(this.sandbox);
  }

  /** The same, together with what was there before: that may be gone. */
  leftovers(before: LeakSnapshot): LeakSnapshot {
    const now = this.snapshot();
    const folders = [...new Set([...before.folders, ...now.folders])];
    return { ...now, folders };
  }
}

async function succeedsOrNotFound(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    return error instanceof ChainError && error.outer.code === "not_found";
  }
}

/** Without its keeper nobody but process 1 reaps a container's init, in its own time. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function handlesTerm(pid: number): boolean {
  const caught = /^SigCgt:\s+(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return (BigInt(`0x${caught ?? 0}`) & TERM_BIT) !== 0n;
}

/** Something that clients ask for. Returns what has to hold when it failed half-way. */
type Action = (stage: Stage, random: Random) => { work: Promise<void>; settle(): Promise<void> };

const ACTIONS: Record<string, Action> = {
  run: (stage) => {
    const id = stage.newId();
    return {
      work: stage.run(id),
      settle: async () => {
        await stage.clear(id);
        await stage.run(id);
      },
    };
  },
  exec: (stage, random) => {
    const { id } = random.pick(stage.containers);
    const work = stage.client.exec(id, ["sh", "-c", "exit 3"]).then((code) => {
      expect(code).toBe(3);
    });
    return { work, settle: async () => {} };
  },
  end: (stage, random) => {
    const container = random.pick(stage.containers);
    if (container.codes.length === 0) {
      process.kill(container.pid, "SIGTERM");
      container.codes.push(42);
    }
    return { work: Promise.resolve(), settle: async () => {} };
  },
  remove: (stage, random) => {
    const at = random.below(stage.containers.length);
    const [container] = stage.containers.splice(at, 1);
    const work = stage.client.remove(container!.id, container!.codes.length === 0);
    return { work, settle: () => stage.clear(container!.id) };
  },
};

async function disturb(stage: Stage, random: Random): Promise<string> {
  while (stage.containers.length < 3) await stage.run(stage.newId());
  const name = random.pick(Object.keys(ACTIONS));
  const victims = random.pick(VICTIMS);
  const { work, settle } = ACTIONS[name]!(stage, random);
  const ended = work.then(
    () => true,
    (error: unknown) => {
      if (error instanceof ChainError) return false;
      throw error;
    },
  );
  await Bun.sleep(random.next() * MOMENT_MS);
  await stage.kill(victims, random.pick(stage.containers));
  if (!stage.daemon.isAlive()) await stage.daemon.start();
  if (!(await ended)) await settle();
  return `${name} while ${victims.join(", ")} died`;
}

async function expectTruth(stage: Stage): Promise<void> {
  for (const container of stage.containers) {
    const { id, pid, codes } = container;
    if (codes.length === 0) {
      expect(await stage.state(id)).toMatchObject({ status: TaskStatus.RUNNING, pid });
      expect(await stage.client.exec(id, ["sh", "-c", "exit 7"])).toBe(7);
      continue;
    }
    const told = await waitUntil(
      `${id} has stopped`,
      async () => {
        const state = await stage.state(id);
        return state.status === TaskStatus.STOPPED && state;
      },
      TOLD_MS,
    );
    expect({ id, codes }).toEqual({ id, codes: expect.arrayContaining([told.exitStatus]) });
    Object.assign(container, { codes: [told.exitStatus], told: true });
    await waitUntil(`the process ${pid} of ${id} is gone`, () => !runs(pid), TOLD_MS);
  }
}

describe(reason ? `chaos [skipped: ${reason}]` : "chaos", () => {
  const stage = new Stage();
  if (!reason) beforeAll(() => stage.open(), LIMIT_MS);
  afterAll(() => stage.sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    `${ROUNDS} random requests, each cut by a kill -9, tell the truth and leave nothing`,
    async () => {
      await stage.run("first");
      await stage.client.exec("first", ["true"]);
      await stage.clear("first");
      stage.containers.pop();
      const before = stage.snapshot();
      await forSeeds(1, async (random) => {
        const history: string[] = [];
        try {
          for (let round = 0; round < ROUNDS; round++) {
            history.push(await disturb(stage, random));
            await expectTruth(stage);
          }
        } catch (error) {
          const told = `${history.join("\n")}\n${stage.daemon.logTail()}`;
          if (error instanceof Error) error.message += `\n${told}`;
          throw error;
        }
      });
      for (const { id } of stage.containers) await stage.clear(id);
      const left = await settledDifference(before, () => stage.leftovers(before));
      expect(left).toEqual([]);
    },
    LIMIT_MS,
  );
});
