import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { mount } from "#lib/linux/mount.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { gzippedLayer, layerTar } from "./layer_archive.ts";

// containerd's root lies on a small disk. It fills up in the middle of an unpack and of a write:
// both say so, nothing half-stored stays, what runs runs on, and there is room to clean up.

const LIMIT_MS = 120_000;
const DISK = "size=40m";
const LARGE_BYTES = 64 * 1024 * 1024;
const SETTLE_MS = 5_000;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);
const FULL = /no space left on device/;

describe(reason ? `a full disk [skipped: ${reason}]` : "a full disk", () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "an unpack and a write that fill it fail cleanly",
    async () => {
      const root = sandbox.path("catena-containerd", "root");
      mkdirSync(root, { recursive: true });
      mount("small", root, "tmpfs", 0, DISK);
      const daemon = await startCatenaContainerd(sandbox);
      const client = new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2");
      await client.prepare(await busyboxImageArchive(sandbox));
      await client.holdLease();
      const running = await client.run(["sleep", "100000"]);
      const before = await inventory(client, root);

      const layer = gzippedLayer(
        await layerTar([{ name: "zeros", content: "\0".repeat(LARGE_BYTES) }]),
      );
      await client.writeBlob(layer.bytes, layer.digest);
      const { services, context } = client;
      const snapshot = { snapshotter: "overlayfs", key: "large" };
      const { mounts } = await services.snapshots.prepare(snapshot, context);
      const diff = { mediaType: layer.mediaType, digest: layer.digest, size: 0n };
      await expectFull(services.diff.apply({ diff, mounts }, context));
      await services.snapshots.remove(snapshot, context);
      await services.content.delete({ digest: layer.digest }, context);

      const noise = crypto.getRandomValues(new Uint8Array(64 * 1024));
      const bytes = new Uint8Array(LARGE_BYTES);
      for (let at = 0; at < bytes.length; at += noise.length) bytes.set(noise, at);
      await expectFull(client.writeBlob(bytes, `sha256:${"3".repeat(64)}`));
      await services.content.abort({ ref: `sha256:${"3".repeat(64)}` }, context);

      expect(await client.exec(running, ["sh", "-c", "exit 6"])).toBe(6);
      await waitUntil(
        "there is room again",
        async () => (await inventory(client, root)).length <= before.length,
        SETTLE_MS,
      ).catch(() => {});
      expect(await inventory(client, root)).toEqual(before);
      await client.remove(await client.run(["true"]), false);
      await client.remove(running, true);
    },
    LIMIT_MS,
  );
});

async function expectFull(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ChainError)) throw new Error(`no refusal: ${String(error)}`);
  expect(error.message).toMatch(FULL);
  expect(error.outer.code).toBe("resource_exhausted");
}

/** What is known to containerd, and what lies in its folders. */
async function inventory({ services, context }: ContainerdClient, root: string): Promise<string[]> {
  const out: string[] = [];
  for await (const { info } of services.content.list({}, context)) {
    out.push(...info.map(({ digest }) => digest));
  }
  for await (const { info } of services.snapshots.list({ snapshotter: "overlayfs" }, context)) {
    out.push(...info.map(({ name }) => name));
  }
  for (const folder of [
    "io.containerd.content.v1.content/ingest",
    "io.containerd.content.v1.content/blobs/sha256",
    "io.containerd.snapshotter.v1.overlayfs/snapshots",
  ]) {
    out.push(...readdirSync(join(root, folder)));
  }
  return out.sort();
}
