import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { processesOf } from "../lib/process_table.ts";
import { forSeeds, type Random } from "../lib/random.ts";
import { Sandbox } from "../lib/sandbox.ts";

// Noise, cut frames and frames that lie about their length, on every socket of containerd and of
// the shim: nobody goes down or swells, and others are served meanwhile.

const LIMIT_MS = 120_000;
const CONNECTIONS = 40;
const MAX_WRITE_BYTES = 200_000;
const MAX_GROWTH_KB = 200_000;
const LINGER_MS = 20;
const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

/** Ways to begin: with nothing, as a gRPC client would, as a ttrpc client would. */
const BEGINNINGS: ((random: Random) => Buffer)[] = [
  () => Buffer.alloc(0),
  () => HTTP2_PREFACE,
  (random) => Buffer.concat([HTTP2_PREFACE, http2Frame(random)]),
  (random) => ttrpcHead(random, random.below(64)),
  (random) => ttrpcHead(random, 0xffff_ffff),
  (random) => ttrpcHead(random, 4 * 1024 * 1024),
  (random) => Buffer.concat(Array.from({ length: 500 }, (_, i) => ttrpcHead(random, 0, 2 * i + 1))),
];

describe(reason ? `hostile bytes [skipped: ${reason}]` : "hostile bytes", () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "harm neither containerd nor the shim",
    async () => {
      const daemon = await startCatenaContainerd(sandbox);
      const client = new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2");
      await client.prepare(await busyboxImageArchive(sandbox));
      const id = await client.run(["sleep", "100000"]);
      const bundle = join(daemon.state, "io.containerd.runtime.v2.task", sandbox.tag, id);
      const shimSocket = readFileSync(join(bundle, "address"), "utf8").replace("unix://", "");
      const pids = serving(sandbox);
      const before = pids.map(residentKb);
      await forSeeds(1, async (random) => {
        for (const path of [daemon.socket, `${daemon.socket}.ttrpc`, shimSocket]) {
          const attacks = Array.from({ length: CONNECTIONS }, () => attack(path, random));
          expect(await client.exec(id, ["sh", "-c", "exit 9"])).toBe(9);
          await Promise.all(attacks);
        }
      });
      expect(serving(sandbox)).toEqual(pids);
      for (const [index, pid] of pids.entries()) {
        expect(residentKb(pid) - before[index]!).toBeLessThan(MAX_GROWTH_KB);
      }
      await client.remove(id, true);
    },
    LIMIT_MS,
  );
});

/** The daemon, the shim and the keeper. */
function serving({ folder, tag }: Sandbox): number[] {
  return processesOf(folder, tag)
    .filter(({ command }) => /^\S*(catena|containerd-shim-catena-v2|catena-keeper) /.test(command))
    .map(({ pid }) => pid);
}

function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function attack(path: string, random: Random): Promise<void> {
  const socket = await open(path);
  // Who is hung up on has nothing more to say.
  socket.on("error", () => {});
  socket.on("data", () => {});
  socket.write(random.pick(BEGINNINGS)(random));
  for (let count = random.below(4); count > 0 && !socket.destroyed; count--) {
    socket.write(noise(random, random.below(MAX_WRITE_BYTES)));
    await Bun.sleep(random.below(LINGER_MS));
  }
  if (random.chance(0.5)) socket.end();
  await Bun.sleep(LINGER_MS);
  socket.destroy();
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

function noise(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at);
  return bytes;
}

function http2Frame(random: Random): Buffer {
  const head = noise(random, 12).subarray(0, 9);
  // A length that fits, more often than not, of a type that there is.
  if (random.chance(0.7)) head.writeUIntBE(random.below(100), 0, 3);
  head[3] = random.below(10);
  return Buffer.concat([head, noise(random, 100)]);
}

function ttrpcHead(random: Random, length: number, stream = random.below(9)): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(stream, 4);
  head[8] = random.chance(0.8) ? 1 : random.below(256);
  head[9] = random.chance(0.8) ? 0 : random.below(256);
  return head;
}
