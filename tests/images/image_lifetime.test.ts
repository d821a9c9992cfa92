import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { DockerHost } from "./docker_host.ts";
import { type RegistryServer, registryMissing, startRegistry } from "./registry_server.ts";

// What a container, a lease or a name needs is never collected; what nothing needs goes.

const LIMIT_MS = 300_000;
const reason =
  registryMissing() ?? reasonToSkip(["docker cli", "catena daemon", "genuine containerd"]);

describe.skipIf(reason !== undefined)(`lives of images${reason ? `: ${reason}` : ""}`, () => {
  const sandbox = new Sandbox();
  const context = sandbox.path("context");
  let daemon: Daemon & { state: string };
  let docker: DockerHost;
  let registry: RegistryServer;
  let ctr: (...args: string[]) => Promise<string>;

  beforeAll(async () => {
    mkdirSync(context);
    registry = await startRegistry(sandbox, "registry");
    daemon = await startCatenaDaemon(sandbox);
    docker = new DockerHost(sandbox, "ours", daemon.socket);
    const base = ["ctr", "-a", `${daemon.state}/containerd.sock`, "-n", "moby"];
    ctr = (...args) => mustRun([...base, ...args]);
    await docker.run("import", await busyboxTar(sandbox), "base");
  }, LIMIT_MS);
  afterAll(() => sandbox.close(), LIMIT_MS);

  async function build(tag: string, dockerfile: string): Promise<void> {
    writeFileSync(join(context, "Dockerfile"), dockerfile);
    await docker.run("build", "-q", "--network", "none", "-t", tag, context);
  }

  test(
    "a container outlives its image, and a restart of the daemon",
    async () => {
      await build("goes", "FROM base\nRUN echo kept > /kept\nCMD cat /kept\n");
      await docker.run("create", "--name", "user", "--network", "none", "goes");
      const refused = await docker.try(["rmi", "goes"]);
      expect(refused.stderr).toContain("unable to remove repository reference");
      await docker.run("rmi", "-f", "goes");
      await ctr("content", "ls");
      await daemon.stop();
      await daemon.start();
      expect(await docker.run("start", "-a", "user")).toBe("kept");
      await docker.run("rm", "user");
    },
    LIMIT_MS,
  );

  test(
    "a build's steps go with its last name, but not those of others",
    async () => {
      const before = (await docker.run("images", "-aq")).split("\n").length;
      await build("one", "FROM base\nENV SHARED=1\nENV ONE=1\n");
      await build("two", "FROM base\nENV SHARED=1\nENV TWO=1\nRUN echo 2 > /two\n");
      const listed = await docker.run("images", "-q");
      expect((await docker.run("images", "-aq")).split("\n").length).toBe(before + 4);
      expect(listed.split("\n").length).toBe(before + 2);
      const parent = await docker.run("image", "inspect", "-f", "{{.Parent}}", "one");
      const refused = await docker.try(["rmi", parent]);
      expect(refused.stderr).toContain("image has dependent child images");
      await docker.run("rmi", "one");
      expect((await docker.run("images", "-aq")).split("\n").length).toBe(before + 3);
      await docker.run("rmi", "two");
      expect((await docker.run("images", "-aq")).split("\n").length).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    "a name that moves leaves a nameless image, which prune takes",
    async () => {
      await build("moves", "FROM base\nLABEL n=1\n");
      const first = await docker.id("moves");
      await build("moves", "FROM base\nLABEL n=2\n");
      const dangling = ["images", "--no-trunc", "-qf", "dangling=true"];
      expect(await docker.run(...dangling)).toBe(first);
      const pruned = await docker.run("image", "prune", "-f");
      expect(pruned).toContain(`deleted: ${first}`);
      expect(await docker.run(...dangling)).toBe("");
      await docker.run("rmi", "moves");
    },
    LIMIT_MS,
  );

  test(
    "prunes in the middle of builds and pulls take nothing that these need",
    async () => {
      const name = `${registry.host}/busy:1`;
      await docker.run("tag", "base", name);
      await docker.run("push", "-q", name);
      await docker.run("rmi", name);
      let ended = false;
      const pruning = (async () => {
        while (!ended) await docker.run("image", "prune", "-f");
      })();
      try {
        for (let at = 0; at < 3; at++) {
          const steps = `FROM base\nENV AT=${at}\nRUN echo ${at} > /at\nCOPY Dockerfile /d\n`;
          await Promise.all([build(`busy${at}`, steps), docker.run("pull", "-q", name)]);
          const run = ["run", "--rm", "--network", "none"];
          expect(await docker.run(...run, `busy${at}`, "cat", "/at")).toBe(String(at));
          expect(await docker.run(...run, name, "echo", "pulled")).toBe("pulled");
          await docker.run("rmi", "-f", `busy${at}`, name);
        }
      } finally {
        ended = true;
        await pruning;
      }
    },
    LIMIT_MS,
  );

  test(
    "system df tells what the layers take, and nothing is left in the end",
    async () => {
      await build("sized", "FROM base\nRUN head -c 1000000 /dev/zero > /zeros\n");
      const format = "{{json .}}";
      const rows = (await docker.run("system", "df", "--format", format)).split("\n");
      const images = rows.map((row) => JSON.parse(row)).find(({ Type }) => Type === "Images");
      const usages = await ctr("snapshots", "usage");
      // What a container alone uses cannot be reclaimed; what images share is counted once.
      await docker.run("create", "--name", "sizes", "--network", "none", "sized", "true");
      const used = (await docker.run("system", "df", "--format", format)).split("\n")[0]!;
      const shared = await sizeOfLayers(docker, ["base"]);
      expect(JSON.parse(used).Reclaimable).toStartWith(`${shared} (`);
      await docker.run("rm", "sizes");
      expect(images.TotalCount).toBe("2");
      expect(images.Size).toBe(await sizeOfLayers(docker, ["base", "sized"]));
      expect(usages).toContain("sha256:");
      await docker.run("rmi", "sized", "base");
      expect(await docker.run("images", "-aq")).toBe("");
      await waitUntil("nothing is left in containerd", async () => {
        const left = [await ctr("content", "ls", "-q"), await ctr("snapshots", "ls")];
        return left[0]?.trim() === "" && left[1]?.trim().split("\n").length === 1;
      });
    },
    LIMIT_MS,
  );
});

/** Sum of the images' layers, shared ones once, as docker prints sizes. */
async function sizeOfLayers(docker: DockerHost, names: string[]): Promise<string> {
  const sizes = new Map<string, number>();
  for (const name of names) {
    const format = "{{.Size}} {{json .RootFS.Layers}}";
    const [size = "", layers = ""] = (
      await docker.run("image", "inspect", "-f", format, name)
    ).split(" ");
    const known = JSON.parse(layers) as string[];
    let below = 0;
    for (const [at, layer] of known.entries()) {
      if (sizes.has(layer)) below += sizes.get(layer)!;
      else if (at === known.length - 1) sizes.set(layer, Number(size) - below);
    }
  }
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return `${Number((total / 1e6).toPrecision(4))}MB`;
}
