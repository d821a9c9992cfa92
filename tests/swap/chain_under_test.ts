import { expect } from "bun:test";
import type { Box } from "../lib/box_probe.ts";
import { expectCode } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { type LeakSnapshot, settledDifference, takeSnapshot } from "../lib/leak_snapshot.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type { ChainClient } from "./chain_client.ts";

/** One way to put the chain together. */
export interface ChainPlan {
  /** The links from the client down to the runtime, as the test's name. */
  name: string;
  /** What must be there; else every step is skipped with the reason. */
  boxes: Box[];
  /** Why it cannot be put together on this host, beyond the boxes. */
  impossible?: string;
  /** True when the runtime is ours: then an exec at the pids limit fails with definite words. */
  explainsLimits: boolean;
  start(sandbox: Sandbox): Promise<StartedChain>;
}

export interface StartedChain {
  client: ChainClient;
  /** Their logs are shown with a failure. */
  daemons: Daemon[];
}

/** What a container does that is only there to be looked at. */
export const SLEEP = ["sleep", "100000"];

/** One chain: put together, warmed up, used step by step, compared with how it was, taken down. */
export class ChainUnderTest {
  readonly #plan: ChainPlan;
  #sandbox: Sandbox | undefined;
  #chain: StartedChain | undefined;
  #before: LeakSnapshot | undefined;

  constructor(plan: ChainPlan) {
    this.#plan = plan;
  }

  /** Starts the chain, runs its first containers, and remembers what is there then. */
  async open(): Promise<void> {
    this.#sandbox = new Sandbox();
    this.#chain = await this.#plan.start(this.#sandbox);
    const { client } = this.#chain;
    await client.importImage();
    // The first container makes what stays: folders, a shim for the namespace, parent cgroups.
    await this.step(async () => {
      expectCode(await client.runAttached({ name: "first", command: ["true"] }), 0);
      await client.runDetached({ name: "second", command: SLEEP });
      expectCode(await client.exec("second", { command: ["true"] }), 0);
      // The first failure makes the folder of failures.
      await client.exec("second", { command: ["/no/such/program"] });
      await client.remove("second");
    });
    await this.remember();
  }

  /** Makes what is there now what `expectNoLeak` expects. */
  async remember(): Promise<void> {
    this.#before = await this.#settledSnapshot();
  }

  get sandbox(): Sandbox {
    return this.#sandbox!;
  }

  get daemons(): Daemon[] {
    return this.#chain!.daemons;
  }

  /** Takes everything down, whatever state it is in. */
  async close(): Promise<void> {
    await this.#sandbox?.close();
  }

  /** Runs one step; a failure shows the ends of the daemons' logs. */
  async step(work: (client: ChainClient) => Promise<void>): Promise<void> {
    const { client, daemons } = this.#chain!;
    try {
      await work(client);
    } catch (error) {
      const logs = daemons.map((daemon) => daemon.logTail()).join("\n");
      if (error instanceof Error) error.message += `\n${logs}`;
      throw error;
    }
  }

  #snapshot(): LeakSnapshot {
    return takeSnapshot(this.#sandbox!);
  }

  /** The state after the last clean-up is over: two equal looks, a second apart. */
  async #settledSnapshot(): Promise<LeakSnapshot> {
    let last = this.#snapshot();
    return waitUntil("the first containers are cleaned up", async () => {
      await Bun.sleep(1_000);
      const now = this.#snapshot();
      const same = (await settledDifference(last, () => now, 0)).length === 0;
      last = now;
      return same ? now : undefined;
    });
  }

  /**
   * Expects what was there after the first containers, no more and no less. On a busy machine
   * containerd may collect a snapshot of those only later: that such a folder is gone is no leak.
   */
  async expectNoLeak(): Promise<void> {
    const difference = await settledDifference(this.#before!, () => this.#snapshot());
    const collected = /^gone, folders: .*\/snapshots\/\d+$/;
    expect(difference.filter((line) => !collected.test(line))).toEqual([]);
  }
}
