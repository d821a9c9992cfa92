import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { stdoutRate } from "./containerd_streams.ts";
import { measureInTurn, median, quantile, type Timing } from "./measure_in_turn.ts";
import { privateKb } from "./private_memory.ts";

// Debian's containerd with its shim and runc against ours, over gRPC, each benchmark by its name:
// `bun tests/bench/containerd_main.ts [SAMPLES [NAME…]]`.

const DEFAULT_SAMPLES = 20;
const LISTED = 100;
/** A shim of ours that serves nothing ends after two seconds. */
const SHIM_GONE_MS = 4_000;
const STARTS_AT_ONCE = 4;
const HELD = 200;
const SETTLE_MS = 5_000;
/** The daemon, its shims and keepers. */
const DAEMONS = /^\S*(containerd|catena|containerd-shim-\S+|catena-keeper|catena-warden) /;

type Bench = (
  clients: ContainerdClient[],
  samples: number,
  sandboxes: readonly Sandbox[],
) => Promise<void>;

const BENCHES: Record<string, Bench> = {
  first: (clients, samples) =>
    compare("create, start, delete; no shim yet", clients, runAndRemove, {
      samples: Math.ceil(samples / 4),
      gapMs: SHIM_GONE_MS,
    }),
  cycle: (clients, samples) =>
    withContainers(clients, 1, async () => {
      await compare("create, start, delete", clients, runAndRemove, { samples, gapMs: 100 });
    }),
  exec: (clients, samples) =>
    withContainers(clients, 1, async (ids) => {
      const exec = async (client: ContainerdClient) => {
        await client.exec(ids.get(client)![0]!, ["true"]);
      };
      await compare("exec", clients, exec, { samples, gapMs: 100 });
    }),
  list: (clients, samples) =>
    withContainers(clients, LISTED, async () => {
      const list = async ({ services, context }: ContainerdClient) => {
        const { tasks } = await services.tasks.list({}, context);
        if (tasks.length < LISTED) throw new Error(`${tasks.length} of ${LISTED} tasks listed`);
      };
      await compare(`tasks list of ${LISTED}`, clients, list, { samples, gapMs: 100 });
    }),
  stdout: async (clients, samples, sandboxes) => {
    const rates: number[][] = clients.map(() => []);
    for (let round = 0; round < samples; round++) {
      for (const [index, client] of clients.entries()) {
        rates[index]!.push(await stdoutRate(client, sandboxes[index]!));
      }
    }
    const [genuine, ours] = rates.map((rate) => Math.round(median(rate)));
    console.log(`stdout to a reader: genuine ${genuine} MB/s, ours ${ours} MB/s`);
  },
  memory: (clients, _samples, sandboxes) =>
    withContainers(clients, HELD, async () => {
      await Bun.sleep(SETTLE_MS);
      const [genuine, ours] = sandboxes.map(({ folder, tag }) => {
        const daemons = processesOf(folder, tag).filter(({ command }) => DAEMONS.test(command));
        return Math.round(daemons.reduce((kb, { pid }) => kb + privateKb(pid), 0) / 1024);
      });
      console.log(`private memory of ${HELD}: genuine ${genuine} MB, ours ${ours} MB`);
    }),
};

async function runAndRemove(client: ContainerdClient): Promise<void> {
  await client.remove(await client.run(["true"]), false);
}

async function withContainers(
  clients: ContainerdClient[],
  count: number,
  work: (ids: Map<ContainerdClient, string[]>) => Promise<void>,
): Promise<void> {
  const ids = new Map<ContainerdClient, string[]>();
  for (const client of clients) {
    const started: string[] = [];
    while (started.length < count) {
      const starts = Array.from({ length: Math.min(STARTS_AT_ONCE, count - started.length) }, () =>
        client.run(["sleep", "100000"]),
      );
      started.push(...(await Promise.all(starts)));
    }
    ids.set(client, started);
  }
  await work(ids);
  for (const [client, started] of ids) {
    for (const id of started) await client.remove(id, true);
  }
}

async function compare(
  what: string,
  clients: ContainerdClient[],
  work: (client: ContainerdClient) => Promise<void>,
  options: { samples: number; gapMs: number },
): Promise<void> {
  const contenders = clients.map((client) => ({ name: client.runtime, work: () => work(client) }));
  const [genuine, ours] = await measureInTurn(contenders, options);
  const ratio = median(genuine!.samplesMs) / median(ours!.samplesMs);
  console.log(
    `${what}: genuine ${inWords(genuine!)}, ours ${inWords(ours!)}: ${ratio.toFixed(1)} ×`,
  );
}

function inWords({ samplesMs }: Timing): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => quantile(samplesMs, q).toFixed(1));
  return `${middle} ms (${low}–${high})`;
}

async function main(): Promise<void> {
  const samples = Number(process.argv[2] ?? DEFAULT_SAMPLES);
  const names = process.argv.length > 3 ? process.argv.slice(3) : Object.keys(BENCHES);
  const sandboxes = [new Sandbox(), new Sandbox()] as const;
  try {
    const [forGenuine, forOurs] = sandboxes;
    const genuine = await startGenuineContainerd(forGenuine);
    const ours = await startCatenaContainerd(forOurs);
    const clients = [
      new ContainerdClient(forGenuine, genuine, "io.containerd.runc.v2"),
      new ContainerdClient(forOurs, ours, "io.containerd.catena.v2"),
    ];
    const archive = await busyboxImageArchive(forGenuine);
    for (const client of clients) await client.prepare(archive);
    for (const name of names) {
      const bench = BENCHES[name];
      if (!bench) throw new RangeError(`no benchmark ${name}: ${Object.keys(BENCHES).join(", ")}`);
      await bench(clients, samples, sandboxes);
    }
  } finally {
    for (const sandbox of sandboxes) await sandbox.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
