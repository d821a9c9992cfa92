import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { WriteAction } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { BlobStore } from "#stack/dockerd/images/blob_store.ts";
import { connectContainerd } from "#wire/containerd-api/client.ts";
import { type Box, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";

// Content that is there already, but that nothing else refers to any more, is written once more.
// Who writes it holds it: a collection right afterwards must leave it.

const LIMIT_MS = 120_000;
const LAYER = Buffer.from("a layer that two images have");
const DIGEST = `sha256:${createHash("sha256").update(LAYER).digest("hex")}`;

const CONTAINERDS: { name: string; box: Box; start(sandbox: Sandbox): Promise<Daemon> }[] = [
  { name: "our", box: "catena containerd", start: startCatenaContainerd },
  { name: "genuine", box: "genuine containerd", start: startGenuineContainerd },
];

for (const { name, box, start } of CONTAINERDS) {
  const reason = reasonToSkip([box]);
  const title = `content written again to ${name} containerd`;
  describe(reason ? `${title} [skipped: ${reason}]` : title, () => {
    const sandbox = new Sandbox();
    const context = { namespace: sandbox.tag };
    let opened: Promise<ReturnType<typeof connectContainerd>> | undefined;
    afterAll(() => sandbox.close(), LIMIT_MS);

    async function connected() {
      opened ??= start(sandbox).then(({ socket }) => connectContainerd(socket));
      const connection = await opened;
      sandbox.onClose(() => connection.close());
      return connection.services;
    }

    /** Writes it under one lease, again under a second, and lets go of the first, collecting. */
    async function writeTwice(write: (lease: string) => Promise<unknown>): Promise<boolean> {
      const services = await connected();
      for (const id of ["first", "second"]) {
        await services.leases.create({ id }, context);
        await write(id);
      }
      await services.leases.delete({ id: "first", sync: true }, context);
      const found = await new BlobStore(services).has(DIGEST, context);
      await services.leases.delete({ id: "second", sync: true }, context);
      expect(await new BlobStore(services).has(DIGEST, context)).toBe(false);
      return found;
    }

    test.skipIf(reason !== undefined)(
      "by our dockerd",
      async () => {
        const blobs = new BlobStore(await connected());
        const write = (lease: string) =>
          blobs.writeBytes("application/octet-stream", LAYER, {}, { ...context, lease });
        expect(await writeTwice(write)).toBe(true);
      },
      LIMIT_MS,
    );

    test.skipIf(reason !== undefined)(
      "by a client that names the digest first",
      async () => {
        const { content } = await connected();
        const write = async (lease: string) => {
          const size = BigInt(LAYER.length);
          const base = { ref: lease, expected: DIGEST, total: size };
          async function* requests() {
            yield { ...base, action: WriteAction.STAT };
            yield { ...base, action: WriteAction.COMMIT, offset: 0n, data: LAYER };
          }
          try {
            for await (const _ of content.write(requests(), { ...context, lease }));
          } catch (error) {
            if (lease === "first") throw error;
            expect(String(error)).toContain("already exists");
          }
        };
        expect(await writeTwice(write)).toBe(true);
      },
      LIMIT_MS,
    );

    test.skipIf(reason !== undefined || name === "genuine")(
      "by a client that names the digest last, which genuine containerd does not hold for it",
      async () => {
        const { content } = await connected();
        const write = async (lease: string) => {
          const size = BigInt(LAYER.length);
          async function* requests() {
            yield { ref: lease, action: WriteAction.WRITE, data: LAYER, offset: 0n };
            const commit = { ref: lease, action: WriteAction.COMMIT, offset: size, total: size };
            yield { ...commit, expected: DIGEST };
          }
          try {
            for await (const _ of content.write(requests(), { ...context, lease }));
          } catch (error) {
            if (lease === "first") throw error;
          }
        };
        expect(await writeTwice(write)).toBe(true);
      },
      LIMIT_MS,
    );
  });
}
