import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine, OutputChunk } from "#wire/docker-api/engine.ts";
import { Random } from "../lib/random.ts";
import { IMAGE, type SoakStack } from "./soak_stack.ts";

/** A container that runs for all of the soak, and says something now and then. */
export const LASTING = "lasting";
/** A disconnect comes within this time of a request. */
const DISCONNECT_MS = 300;
const DISCONNECT_CHANCE = 0.3;
/** No request may take longer, however busy the machine is. */
const PATIENCE_MS = 120_000;
/** Pause of a client that finds no daemon. */
const AWAY_MS = 200;

/** What clients did, and what went wrong. */
export interface Tally {
  done: Record<string, number>;
  disconnected: number;
  /** Failures while the daemon was being restarted: connections that broke. */
  away: number;
  /** Failures that nothing explains, by their words. */
  failures: Map<string, number>;
}

/** Containers by id that clients have, and have not asked to remove. */
export type Alive = Map<string, { client: number }>;

export interface ClientsPlan {
  clients: number;
  seed: number;
  untilMs: number;
  /** True while the daemon is being killed and comes up again. */
  isAway: () => boolean;
}

type Action = (client: Client) => Promise<void>;

class Client {
  readonly engine: DockerEngine;
  readonly random: Random;
  readonly number: number;
  readonly alive: Alive;
  readonly parent: string;
  /** Of the request in hand; a random disconnect or the end of patience aborts it. */
  call: CallContext = {};

  constructor(stack: SoakStack, number: number, seed: number, alive: Alive) {
    this.engine = stack.engine();
    this.random = new Random(seed + number);
    this.number = number;
    this.alive = alive;
    this.parent = `/${stack.sandbox.tag}`;
  }

  async create(command: string[], network: string, autoRemove: boolean): Promise<string> {
    const body = {
      Image: IMAGE,
      Cmd: command,
      HostConfig: { NetworkMode: network, CgroupParent: this.parent, AutoRemove: autoRemove },
    };
    const { Id } = await this.engine.containerCreate({ name: "", platform: "", body }, this.call);
    if (!autoRemove) this.alive.set(Id, { client: this.number });
    return Id;
  }

  /** Removes with a context of its own: what was begun is put away even after a disconnect. */
  async remove(id: string): Promise<void> {
    this.alive.delete(id);
    const options = { force: true, volumes: true, link: false };
    await this.engine.containerRemove(id, options, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  }
}

async function read(output: AsyncIterable<OutputChunk>, atMost = Number.POSITIVE_INFINITY) {
  let bytes = 0;
  for await (const { data } of output) {
    bytes += data.length;
    if (bytes >= atMost) break;
  }
  return bytes;
}

const STREAMS = { stdin: false, stdout: true, stderr: true, stream: true, logs: false };

/** What a client does, by name: most of a developer's day. */
const ACTIONS: Record<string, Action> = {
  run: async (client) => {
    const network = client.random.chance(0.3) ? "bridge" : "none";
    const id = await client.create(["sh", "-c", "echo out; echo err >&2"], network, false);
    try {
      const flags = { ...STREAMS, detachKeys: "" };
      const attached = await client.engine.containerAttach(id, flags, client.call);
      await client.engine.containerStart(id, client.call);
      await read(attached.output);
    } finally {
      await client.remove(id);
    }
  },
  "run --rm": async (client) => {
    const id = await client.create(["true"], "none", true);
    const { done } = await client.engine.containerWait(id, "removed", client.call);
    done.catch(() => undefined);
    await client.engine.containerStart(id, client.call);
    await done;
  },
  exec: async (client) => {
    const body = {
      Cmd: ["sh", "-c", "echo one; sleep 0.05; echo two"],
      AttachStdout: true,
      AttachStderr: true,
    };
    const { Id } = await client.engine.execCreate(LASTING, body, client.call);
    const attached = await client.engine.execStart(Id, {}, client.call);
    await read(attached!.output);
  },
  "logs -f": async (client) => {
    const show = { stdout: true, stderr: true, follow: true, timestamps: false, details: false };
    const stop = AbortSignal.timeout(client.random.below(1_000) + 1);
    const signal = AbortSignal.any([stop, client.call.signal!]);
    const logs = await client.engine
      .containerLogs(LASTING, { ...show, tail: 5 }, { signal })
      .catch((error: unknown) => {
        if (stop.aborted) return undefined;
        throw error;
      });
    if (logs) await read(logs.output).catch(() => undefined);
  },
  "rm of a running one": async (client) => {
    const id = await client.create(["sleep", "1000"], "none", false);
    try {
      await client.engine.containerStart(id, client.call);
    } finally {
      await client.remove(id);
    }
  },
};

/** Lets clients work until the time has come. Returns what they did. */
export async function soakClients(stack: SoakStack, alive: Alive, plan: ClientsPlan) {
  const tally: Tally = { done: {}, disconnected: 0, away: 0, failures: new Map() };
  const lanes = Array.from({ length: plan.clients }, (_, number) =>
    clientLane(new Client(stack, number, plan.seed, alive), tally, plan),
  );
  await Promise.all(lanes);
  return tally;
}

async function clientLane(client: Client, tally: Tally, plan: ClientsPlan): Promise<void> {
  const names = Object.keys(ACTIONS);
  while (Date.now() < plan.untilMs) {
    const name = client.random.pick(names);
    const disconnects = client.random.chance(DISCONNECT_CHANCE);
    const limitMs = disconnects ? client.random.below(DISCONNECT_MS) + 1 : PATIENCE_MS;
    const signal = AbortSignal.timeout(limitMs);
    client.call = { signal };
    const awayBefore = plan.isAway();
    try {
      await ACTIONS[name]!(client);
      tally.done[name] = (tally.done[name] ?? 0) + 1;
    } catch (error) {
      if (awayBefore || plan.isAway()) {
        tally.away++;
        await Bun.sleep(AWAY_MS);
      } else if (disconnects && signal.aborted) tally.disconnected++;
      else count(tally.failures, `${name}: ${words(error)}`);
    }
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Ids and explanations are left out, so that like failures are counted together. */
function words(error: unknown): string {
  const text = error instanceof ChainError ? error.message : String(error);
  return text.replace(/\b[0-9a-f]{12,64}\b/g, "ID").replace(/ \(catena explain .*/, "");
}
