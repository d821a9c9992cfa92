import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { pack } from "tar-stream";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerHost } from "./docker_host.ts";
import { type HostileRegistry, type Misbehaviour, startHostile } from "./hostile_registry.ts";

// Whatever a registry does, the error says what it did, and nothing half-stored stays.

const LIMIT_MS = 300_000;
const reason = reasonToSkip(["docker cli", "catena daemon", "genuine containerd"]);

const REFUSED: [Misbehaviour, string][] = [
  ["other bytes", "filesystem layer verification failed for digest sha256:"],
  ["breaks always", "unexpected EOF"],
  ["too long", "is longer than the"],
  ["401", "unauthorized: authentication required"],
  ["403", "denied: requested access is denied"],
  ["429", "toomanyrequests: too many"],
  ["500", "received unexpected HTTP status: 500"],
  ["redirects in circles", "stopped after 10 redirects"],
  ["wrong diff id", "failed to register layer"],
  ["too few layers", "layers from manifest don't match image configuration"],
  ["hostile tar", "failed to register layer"],
  ["circular index", "manifest verification failed"],
  ["million layers", "20000 layers, the limit is 127"],
  ["bomb", "failed to register layer"],
];

const nameOf = (kind: Misbehaviour) => kind.replaceAll(" ", "-");

describe.skipIf(reason !== undefined)(`hostile registry${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  let registry: HostileRegistry;
  let daemon: Daemon & { state: string };
  let docker: DockerHost;
  let ctr: (...args: string[]) => Promise<string>;

  beforeAll(async () => {
    const plain = readFileSync(await busyboxTar(sandbox));
    const hostile = await hostileTar();
    registry = startHostile(sandbox, (kind) => (kind === "hostile tar" ? hostile : plain));
    daemon = await startCatenaDaemon(sandbox);
    docker = new DockerHost(sandbox, "ours", daemon.socket);
    const base = ["ctr", "-a", `${daemon.state}/containerd.sock`, "-n", "moby"];
    ctr = (...args) => mustRun([...base, ...args]);
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  const pull = (kind: Misbehaviour) => docker.try(["pull", `${registry.host}/${nameOf(kind)}:1`]);

  test(
    "each is refused for what it did, and leaves nothing",
    async () => {
      const results = await Promise.all(REFUSED.map(([kind]) => pull(kind)));
      for (const [at, [kind, words]] of REFUSED.entries()) {
        const { code, stderr } = results[at]!;
        expect([kind, code, stderr.includes(words) ? words : stderr]).toEqual([kind, 1, words]);
      }
      expect(await docker.run("images", "-aq")).toBe("");
      expect(await ctr("images", "ls", "-q")).toBe("");
      // What was received of a layer is kept for the next try; no blob is there that was not whole.
      await Bun.sleep(500);
      expect(await ctr("content", "ls", "-q")).toBe("");
      expect(await ctr("snapshots", "ls")).not.toContain("sha256:");
      expect(existsSync("/tmp/catena-escaped")).toBe(false);
    },
    LIMIT_MS,
  );

  test(
    "a pull that broke off goes on where it was",
    async () => {
      expect((await pull("breaks once")).code).toBe(0);
      expect(registry.ranges.get("breaks-once")).toEqual(["", "bytes=1000-"]);
      registry.ranges.clear();
      await pull("breaks always");
      const [first] = registry.ranges.get("breaks-always") ?? [];
      expect(first).toMatch(/^bytes=[1-9][0-9]{3,}-$/);
    },
    LIMIT_MS,
  );

  test(
    "a daemon that is killed in the middle of a pull: the next one goes on",
    async () => {
      // What earlier tests left half is there too.
      const left = await ctr("content", "active");
      const broken = pull("slow");
      await waitUntil("some of the layer is here", async () => {
        const active = (await ctr("content", "active")).split("\n");
        return active.some((line) => {
          const [, name] = line.match(/^(layer-\S+)\s+[1-9][0-9.]*\s?[kKM]i?B/) ?? [];
          return name !== undefined && !left.includes(name);
        });
      });
      await daemon.kill();
      await broken;
      await daemon.start();
      expect((await pull("slow")).code).toBe(0);
      expect(registry.ranges.get("slow")?.at(-1)).toMatch(/^bytes=[1-9][0-9]+-$/);
    },
    LIMIT_MS,
  );

  test(
    "pulls of the same image at the same time fetch it once",
    async () => {
      const pulls = await Promise.all([pull("none"), pull("none"), pull("none")]);
      expect(pulls.map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(registry.ranges.get("none")).toHaveLength(1);
    },
    LIMIT_MS,
  );
});

async function hostileTar(): Promise<Buffer> {
  const packing = pack();
  packing.entry({ name: "out", type: "symlink", linkname: "/tmp" });
  packing.entry({ name: "../../../../tmp/catena-escaped" }, "x");
  packing.entry({ name: "out/catena-escaped" }, "x");
  packing.finalize();
  const parts: Buffer[] = [];
  for await (const part of packing) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
