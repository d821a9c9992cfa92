import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { StreamInitSchema } from "#gen/wire/containerd-api/proto/streaming_pb.ts";
import {
  DataSchema,
  ImageExportStreamSchema,
  ImageImportStreamSchema,
  ImageStoreSchema,
  ProgressSchema,
  WindowUpdateSchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { Sandbox } from "../lib/sandbox.ts";

// Transfers as the ctr of containerd 1.7 and 2.x makes them: archives over streams of their own.
// What is exported so equals what Debian's ctr exports of the same image.

const LIMIT_MS = 120_000;
const PIECE_BYTES = 32 * 1024;
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
    const registry = create(AnySchema, { typeUrl: "containerd.types.transfer.OCIRegistry" });
    await expect(transfer(registry, none)).rejects.toThrow(/not implemented for/);
    const missing = any(ImageImportStreamSchema, { stream: "nobody" });
    await expect(transfer(missing, none)).rejects.toThrow(/stream nobody: not found/);
    await expect(imported(Buffer.from("no tar"), {})).rejects.toThrow(/image archive/);
    expect(await client.ctr(["leases", "ls", "-q"])).toBe("");
  });
});

function any<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Any {
  const value = toBinary(schema, create(schema, message));
  return create(AnySchema, { typeUrl: schema.typeName, value });
}

/** Every entry of a tar with its mode and size, and the documents. */
async function contentsOf(path: string): Promise<string[]> {
  const list = await mustRun(["tar", "--numeric-owner", "-tvf", path]);
  const read = (name: string) => mustRun(["tar", "-xOf", path, name]);
  return [list, await read("index.json"), await read("manifest.json"), await read("oci-layout")];
}

/** A stream beside the calls, from the client's side. */
class OpenStream {
  readonly incoming: AsyncIterable<Any>;
  readonly #queue: Any[] = [];
  #wake: () => void = () => {};
  #ended = false;

  private constructor(client: ContainerdClient, id: string) {
    this.#queue.push(any(StreamInitSchema, { id }));
    this.incoming = client.services.streaming.stream(this.#outgoing(), client.context);
  }

  /** Opens it and waits until it can be named in a call. */
  static async open(client: ContainerdClient, id: string): Promise<OpenStream> {
    const stream = new OpenStream(client, id);
    const iterator = stream.incoming[Symbol.asyncIterator]();
    await iterator.next();
    Object.assign(stream, { incoming: { [Symbol.asyncIterator]: () => iterator } });
    return stream;
  }

  async *#outgoing(): AsyncGenerator<Any> {
    while (!this.#ended || this.#queue.length > 0) {
      const next = this.#queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #send(message?: Any): void {
    if (message) this.#queue.push(message);
    else this.#ended = true;
    this.#wake();
  }

  /** Sends as much as it is given leave for, to the end. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    let at = 0;
    for await (const message of this.incoming) {
      let leave = fromBinary(WindowUpdateSchema, message.value).update;
      while (leave > 0 && at < bytes.length) {
        const data = bytes.subarray(at, at + Math.min(PIECE_BYTES, leave));
        this.#send(any(DataSchema, { data }));
        at += data.length;
        leave -= data.length;
      }
      if (at === bytes.length) this.#send();
    }
  }

  async receiveAll(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    this.#send(any(WindowUpdateSchema, { update: PIECE_BYTES }));
    for await (const message of this.incoming) {
      const { data } = fromBinary(DataSchema, message.value);
      chunks.push(data);
      this.#send(any(WindowUpdateSchema, { update: data.length }));
    }
    this.#send();
    return Buffer.concat(chunks);
  }
}
