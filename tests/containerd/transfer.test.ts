import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  ImageExportStreamSchema,
  ImageImportStreamSchema,
  ImageStoreSchema,
  OCIRegistrySchema,
  ProgressSchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { any, OpenStream } from "./open_stream.ts";

// Transfers as the ctr of containerd 1.7 and 2.x makes them: archives over streams of their own.
// What is exported so equals what Debian's ctr exports of the same image.

const LIMIT_MS = 120_000;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);
const PREFIX = { name: "import", isPrefix: true, allowOverwrite: true };
const PLATFORM = { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };

describe(reason ? `transfers [skipped: ${reason}]` : "transfers", () => {
  const sandbox = new Sandbox();
  let client: ContainerdClient;
  let archive = "";

  if (!reason) {
    beforeAll(async () => {
      archive = await busyboxImageArchive(sandbox);
      const daemon = await startCatenaContainerd(sandbox);
      client = new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2");
    }, LIMIT_MS);
  }
  afterAll(() => sandbox.close(), LIMIT_MS);
  const step = (name: string, work: () => Promise<void>) =>
    test.skipIf(reason !== undefined)(name, work, LIMIT_MS);

  const transfer = (source: Any, destination: Any, progressStream = "") => {
    const { services, context } = client;
    return services.transfer.transfer(
      { source, destination, options: { progressStream } },
      context,
    );
  };
  const imported = async (bytes: Uint8Array, store: MessageInitShape<typeof ImageStoreSchema>) => {
    const stream = await OpenStream.open(client, "bytes");
    const progress = await OpenStream.open(client, "progress");
    const sending = stream.sendAll(bytes);
    const source = any(ImageImportStreamSchema, { stream: "bytes" });
    await transfer(source, any(ImageStoreSchema, store), "progress");
    await sending;
    const told: string[] = [];
    for await (const message of progress.incoming) {
      const { event, name } = fromBinary(ProgressSchema, message.value);
      told.push(`${event} ${name}`.trim());
    }
    return told;
  };

  step("an archive is imported, unpacked and named, with progress", async () => {
    const unpacks = [{ platform: PLATFORM, snapshotter: "overlayfs" }];
    const store = { platforms: [PLATFORM], unpacks, extraReferences: [PREFIX] };
    expect(await imported(gzipSync(readFileSync(archive)), store)).toEqual([
      "Importing",
      `saved ${IMAGE}`,
      "Completed import",
    ]);
    expect(await client.ctr(["snapshots", "ls"])).toMatch(/sha256:\w+ +Committed/);
    const run = ["run", "--rm", "--runtime", client.runtime, IMAGE, "made", "echo", "made"];
    expect(await client.ctr(run)).toBe("made\n");
    expect(await client.ctr(["images", "check"])).toMatch(/complete \(2\/2\).* true/);
  });

  step("an export is what Debian's ctr exports", async () => {
    const stream = await OpenStream.open(client, "out");
    const receiving = stream.receiveAll();
    const references = { extraReferences: [{ name: IMAGE }] };
    const destination = any(ImageExportStreamSchema, { stream: "out", platforms: [PLATFORM] });
    await transfer(any(ImageStoreSchema, references), destination);
    const ours = sandbox.path("ours.tar");
    const genuine = sandbox.path("genuine.tar");
    writeFileSync(ours, await receiving);
    await client.ctr(["images", "export", genuine, IMAGE]);
    expect(await contentsOf(ours)).toEqual(await contentsOf(genuine));
  });

  step("an image is given another name", async () => {
    const [source, destination] = [IMAGE, "example.org/other:1"].map((name) =>
      any(ImageStoreSchema, { name }),
    );
    await transfer(source!, destination!);
    expect(await client.ctr(["images", "ls", "-q"])).toContain("example.org/other:1\n");
  });

  step("what cannot be moved is refused, and leaves no lease", async () => {
    const none = any(ImageStoreSchema, { name: "example.org/none:1" });
    await expect(transfer(none, none)).rejects.toThrow(/not found/);
    const registry = any(OCIRegistrySchema, { reference: "busybox" });
    await expect(transfer(none, registry)).rejects.toThrow(/not found/);
    await expect(transfer(registry, registry)).rejects.toThrow(/not implemented for/);
    await expect(transfer(registry, none)).rejects.toThrow(/names no host and image/);
    const missing = any(ImageImportStreamSchema, { stream: "nobody" });
    await expect(transfer(missing, none)).rejects.toThrow(/stream nobody: not found/);
    await expect(imported(Buffer.from("no tar"), {})).rejects.toThrow(/image archive/);
    expect(await client.ctr(["leases", "ls", "-q"])).toBe("");
  });
});

/** Every entry of a tar with its mode and size, and the documents. */
async function contentsOf(path: string): Promise<string[]> {
  const list = await mustRun(["tar", "--numeric-owner", "-tvf", path]);
  const read = (name: string) => mustRun(["tar", "-xOf", path, name]);
  return [list, await read("index.json"), await read("manifest.json"), await read("oci-layout")];
}
