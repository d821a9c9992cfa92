import { afterEach, describe, expect, test } from "bun:test";
import { type Box, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { expectCode, mustRun } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { processesOf, readProcess } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { CtrClient } from "./ctr_client.ts";

// Our containerd, its shims, or both are killed with -9 while containers run and one of them ends.

const LIMIT_MS = 300_000;
const SLEEP = ["sleep", "100000"];
const SHIM = /^\S*containerd-shim-/;

interface Below {
  boxes: Box[];
  runtime: string;
}

const OURS: Below = { boxes: ["catena shim", "catena runc"], runtime: "io.containerd.catena.v2" };
const GENUINE: Below = { boxes: ["genuine runc"], runtime: "io.containerd.runc.v2" };

class Stage {
  readonly sandbox = new Sandbox();
  readonly daemon: Promise<Daemon> = startCatenaContainerd(this.sandbox);
  readonly #runtime: string;

  constructor(runtime: string) {
    this.#runtime = runtime;
  }

  async client(): Promise<CtrClient> {
    const { socket } = await this.daemon;
    return new CtrClient(this.sandbox, socket, ["--runtime", this.#runtime]);
  }

  async killShims(): Promise<void> {
    const { folder, tag } = this.sandbox;
    const shims = processesOf(folder, tag).filter(({ command }) => SHIM.test(command));
    expect(shims.length).toBeGreaterThan(0);
    for (const { pid } of shims) process.kill(pid, "SIGKILL");
    await waitUntil("the shims are gone", () => shims.every(({ pid }) => !readProcess(pid)));
  }
}

function declare(
  name: string,
  below: Below,
  work: (stage: Stage, ctr: CtrClient) => Promise<void>,
) {
  const reason = reasonToSkip(["genuine containerd", "catena containerd", ...below.boxes]);
  const title = `${name}, ${below.runtime}`;
  describe(reason ? `${title} [skipped: ${reason}]` : title, () => {
    let stage: Stage | undefined;
    afterEach(() => stage?.sandbox.close(), LIMIT_MS);
    test.skipIf(reason !== undefined)(
      "containers and exit codes survive",
      async () => {
        stage = new Stage(below.runtime);
        const client = await stage.client();
        await client.importImage();
        await client.runDetached({ name: "one", command: SLEEP });
        await client.runDetached({ name: "two", command: SLEEP });
        await client.runDetached({
          name: "ending",
          command: ["sh", "-c", "while [ ! -e /stop ]; do sleep 0.1; done; exit 42"],
        });
        await work(stage, client);
      },
      LIMIT_MS,
    );
  });
}

/** Ends the third container from outside: nobody below needs to be there for it. */
async function endThird(client: CtrClient): Promise<void> {
  const pid = await client.initPid("ending");
  expectCode(await client.exec("ending", { command: ["touch", "/stop"] }), 0);
  await waitUntil("the third container has ended", () => !readProcess(pid));
}

async function expectAlive(client: CtrClient, names: string[]): Promise<void> {
  for (const name of names) {
    expect(await client.status(name)).toBe("running");
    expectCode(await client.exec(name, { command: ["true"] }), 0);
  }
}

for (const below of [OURS, GENUINE]) {
  declare("kill -9 of our containerd", below, async (stage, client) => {
    const pids = [await client.initPid("one"), await client.initPid("two")];
    const ending = await client.initPid("ending");
    const daemon = await stage.daemon;
    await daemon.kill();
    await mustRun(["touch", `/proc/${ending}/root/stop`]);
    await waitUntil("the third container has ended", () => !readProcess(ending));
    await daemon.start();
    await expectAlive(client, ["one", "two"]);
    expect([await client.initPid("one"), await client.initPid("two")]).toEqual(pids);
    expect(await client.wait("ending")).toBe(42);
    for (const name of ["one", "two"]) await client.remove(name);
  });
}

declare("kill -9 of our shim", OURS, async (stage, client) => {
  const pid = await client.initPid("one");
  await stage.killShims();
  await expectAlive(client, ["one", "two"]);
  expect(await client.initPid("one")).toBe(pid);
  await endThird(client);
  expect(await client.wait("ending")).toBe(42);
});

declare("kill -9 of containerd and shim", OURS, async (stage, client) => {
  const pid = await client.initPid("one");
  const daemon = await stage.daemon;
  await daemon.kill();
  await stage.killShims();
  await daemon.start();
  await expectAlive(client, ["one", "two"]);
  expect(await client.initPid("one")).toBe(pid);
  await endThird(client);
  expect(await client.wait("ending")).toBe(42);
});

declare("kill -9 of genuine shims", GENUINE, async (stage, client) => {
  await stage.killShims();
  // Such a shim does not come back: containerd cleans up, and a new container of the name may run.
  await waitUntil("the tasks are gone", async () => (await client.status("one")) !== "running");
  await client.remove("one");
  await client.runDetached({ name: "one", command: SLEEP });
  await expectAlive(client, ["one"]);
});
