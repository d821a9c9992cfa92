import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { waitUntil } from "../../lib/wait_until.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import type { Container } from "../harness/container.ts";
import type { Trial } from "../harness/trial.ts";

// DESIGN §2.3: an exec is charged exactly. The last free pid can be used, the one after it is
// refused, and the counter is where it was before.

/** `CATENA_CHARGING_ROUNDS=1000` is the full measure; a few show that it works at all. */
const ROUNDS = Number(process.env["CATENA_CHARGING_ROUNDS"] ?? 5);
const LIMIT = 16;
const REFUSED = /pids/;

const STEP_MS = 2;
const PATIENCE_MS = 30_000;

/** The number in a pid file, once it is there whole; 0 when it does not come. */
async function pidOnceWritten(file: string): Promise<number> {
  for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    if (pid > 0) return pid;
    await Bun.sleep(STEP_MS);
  }
  return 0;
}

/** A container of one process, and its pids cgroup. */
class Counted {
  #sleepers: { pid: number; exited: Promise<number> }[] = [];

  constructor(readonly container: Container) {}

  static async start(trial: Trial, limit: number): Promise<Counted> {
    const container = await trial.start({
      args: ["sleep", "100000"],
      edit(config) {
        config.linux.resources["pids"] = { limit };
      },
    });
    return new Counted(container);
  }

  get count(): number {
    const { trial, id } = this.container;
    const folder = `/sys/fs/cgroup/pids/${trial.sandbox.tag}/${id}`;
    return Number(readFileSync(`${folder}/pids.current`, "utf8"));
  }

  /**
   * Starts a process that stays; whether it was let in, and what was said if not. Its runtime stays
   * with it and reaps it: until a process is reaped, it is charged.
   */
  async enter(name: string): Promise<{ entered: boolean; said: string }> {
    const { trial, id } = this.container;
    const file = trial.path(`pid-${name}`);
    const log = trial.path(`log-${name}`);
    rmSync(file, { force: true });
    const argv = trial.argv("exec", "--pid-file", file, id, "sleep", "100000");
    const child = Bun.spawn(argv, { stdio: ["ignore", Bun.file(log), Bun.file(log)] });
    const pid = await Promise.race([child.exited.then(() => 0), pidOnceWritten(file)]);
    const said = readFileSync(log, "utf8");
    if (pid > 0) this.#sleepers.push({ pid, exited: child.exited });
    return { entered: pid > 0, said };
  }

  /** Fills it until this many places are free. */
  async fill(free: number): Promise<void> {
    while (this.count < LIMIT - free) {
      const { entered, said } = await this.enter("fill");
      assert.equal(entered, true, said);
    }
    this.#sleepers = [];
  }

  /** Ends those that entered since; the counter must come back to this. */
  async leave(count: number): Promise<void> {
    const sleepers = this.#sleepers.splice(0);
    for (const { pid } of sleepers) process.kill(pid, "SIGKILL");
    await Promise.all(sleepers.map(({ exited }) => exited));
    await waitUntil(`the counter is back at ${count}`, () => this.count === count || undefined);
  }
}

const RUNC = "runc 1.1 joins without looking, and needs threads afterwards: who fails is chance";
const CRUN = "crun joins without looking: the limit is overrun";

function race(racers: number, free: number): ConformanceCase {
  return {
    name: `${racers} race for ${free} free place${free > 1 ? "s" : ""}: as many get in`,
    async run(trial) {
      const counted = await Counted.start(trial, LIMIT);
      await counted.fill(free);
      const names = Array.from({ length: racers }, (_, index) => String(index));
      for (let round = 0; round < ROUNDS; round++) {
        const outcomes = await Promise.all(names.map((name) => counted.enter(name)));
        const entered = outcomes.filter((outcome) => outcome.entered);
        const refused = outcomes.filter((outcome) => !outcome.entered);
        const text = `round ${round}: ${refused.map(({ said }) => said).join("")}`;
        assert.equal(entered.length, free, text);
        assert.equal(counted.count, LIMIT, text);
        for (const { said } of refused) assert.match(said, REFUSED);
        await counted.leave(LIMIT - free);
      }
    },
    limitMs: ROUNDS * (racers * 400 + 2_000) + 60_000,
    skip,
    unjudged: { runc: RUNC, crun: CRUN },
  };
}

const skip = () =>
  existsSync("/sys/fs/cgroup/pids/cgroup.procs") ? undefined : "no v1 hierarchy of pids";

export const charging: Feature = {
  name: "charging",
  cases: [
    {
      name: "the last free place is usable, the next exec is refused, the counter is back",
      async run(trial) {
        const counted = await Counted.start(trial, LIMIT);
        await counted.fill(1);
        for (let round = 0; round < ROUNDS; round++) {
          await counted.container.exec(["true"]);
          await waitUntil("it left", () => counted.count === LIMIT - 1 || undefined);
          const last = await counted.enter("last");
          assert.equal(last.entered, true, last.said);
          const { entered, said } = await counted.enter("over");
          assert.equal(entered, false);
          assert.match(said, REFUSED);
          assert.equal(counted.count, LIMIT);
          await counted.leave(LIMIT - 1);
        }
      },
      limitMs: ROUNDS * 4000 + 60_000,
      skip,
      unjudged: { runc: RUNC, crun: CRUN },
    },
    race(2, 1),
    race(50, 10),
  ],
};
