import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";

// skopeo and umoci read what containerd exports, digests and all, and it runs what they write.

const LIMIT_MS = 120_000;
const TOOLS = ["skopeo", "umoci"];
const missing = TOOLS.find((tool) => Bun.which(tool) === null);
const reason =
  reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]) ??
  (missing && `no ${missing}`);

describe(reason ? `skopeo and umoci [skipped: ${reason}]` : "skopeo and umoci", () => {
  const sandbox = new Sandbox();
  let folder = "";
  let archive = "";
  let socket = "";

  if (!reason) {
    beforeAll(async () => {
      folder = sandbox.path("tools");
      mkdirSync(folder);
      archive = await busyboxImageArchive(sandbox);
      ({ socket } = await startCatenaContainerd(sandbox));
      await ctr("images", "import", archive);
    }, LIMIT_MS);
  }
  afterAll(() => sandbox.close(), LIMIT_MS);

  const step = (name: string, work: () => Promise<void>) =>
    test.skipIf(reason !== undefined)(name, work, LIMIT_MS);
  const tool = (...argv: string[]) => mustRun(argv, { cwd: folder });
  const ctr = (...args: string[]) => tool(GENUINE.ctr, "-a", socket, "-n", sandbox.tag, ...args);
  const runs = (image: string, ...command: string[]) =>
    ctr("run", "--rm", "--runtime", "io.containerd.catena.v2", image, "made", ...command);

  step("skopeo reads an export, byte for byte what was imported", async () => {
    await ctr("images", "export", "out.tar", IMAGE);
    const manifest = await tool("skopeo", "inspect", "--raw", "oci-archive:out.tar");
    expect(manifest).toBe(await tool("skopeo", "inspect", "--raw", `oci-archive:${archive}`));
    await tool("skopeo", "copy", "oci-archive:out.tar", "oci:layout:one");
  });

  step("an image that umoci repacked is imported and run", async () => {
    await tool("umoci", "unpack", "--image", "layout:one", "bundle");
    await tool("sh", "-c", "echo from umoci > bundle/rootfs/added; rm bundle/rootfs/bin/yes");
    await tool("umoci", "repack", "--image", "layout:two", "bundle");
    const name = "example.org/two:1";
    await tool("skopeo", "copy", "oci:layout:two", `oci-archive:two.tar:${name}`);
    await ctr("images", "import", "two.tar");
    const raw = JSON.parse(await tool("skopeo", "inspect", "--raw", "oci-archive:two.tar")) as {
      layers: { digest: string }[];
    };
    const content = (await ctr("content", "ls", "-q")).split("\n");
    for (const { digest } of raw.layers) expect(content).toContain(digest);
    const script = "cat /added; ls /bin/yes 2>/dev/null || echo gone";
    expect(await runs(name, "sh", "-c", script)).toBe("from umoci\ngone\n");
  });

  step("an archive in docker's form is imported and run", async () => {
    const name = "example.org/docker:1";
    await tool("skopeo", "copy", "oci:layout:two", `docker-archive:docker.tar:${name}`);
    await ctr("images", "import", "docker.tar");
    expect(await runs(name, "cat", "/added")).toBe("from umoci\n");
  });
});
