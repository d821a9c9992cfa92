import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  AuthRequestSchema,
  AuthResponseSchema,
  AuthType,
  ImageStoreSchema,
  OCIRegistrySchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { any, OpenStream } from "./open_stream.ts";

// A pull and a push as the ctr of containerd 2.x makes them: over the transfer service, which asks
// the client for credentials. The registry is a few lines of this test that serve an OCI layout.

const LIMIT_MS = 120_000;
const PLATFORM = { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };
const AUTHORIZATION = `Basic ${Buffer.from("somebody:secret").toString("base64")}`;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

describe(reason ? `a registry by transfer [skipped: ${reason}]` : "an image by transfer", () => {
  const sandbox = new Sandbox();
  let started: Promise<ContainerdClient> | undefined;
  const containerd = () => {
    started ??= startCatenaContainerd(sandbox).then(
      (daemon) => new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2"),
    );
    return started;
  };
  afterAll(() => sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "brings an image that runs, for who may have it",
    async () => {
      await busyboxImageArchive(sandbox);
      const registry = serveLayout(sandbox.path("images", "oci"));
      sandbox.onClose(() => registry.stop(true));
      const client = await containerd();
      const reference = `127.0.0.1:${registry.port}/some/image:1`;

      await expect(pull(client, reference, "wrong")).rejects.toThrow(/unauthorized|denied/i);
      expect(await client.ctr(["images", "ls", "-q"])).toBe("");
      const asked = await pull(client, reference, "secret");
      expect(asked).toMatchObject([{ host: `127.0.0.1:${registry.port}`, reference }]);

      const run = ["run", "--rm", "--runtime", client.runtime, reference, "made", "echo", "made"];
      expect(await client.ctr(run)).toBe("made\n");
      expect(await client.ctr(["images", "check"])).toMatch(/complete \(2\/2\).* true/);
      await expect(pull(client, `${reference}0`, "secret")).rejects.toThrow(/not found|unknown/);
      expect(await client.ctr(["leases", "ls", "-q"])).toBe("");
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "is pushed again, parts first, and comes back as it was",
    async () => {
      const archive = await busyboxImageArchive(sandbox);
      const registry = takePushes();
      sandbox.onClose(() => registry.server.stop(true));
      const client = await containerd();
      await client.ctr(["images", "import", archive]);
      const reference = `127.0.0.1:${registry.server.port}/some/image:2`;
      const push = async (name: string) => {
        const source = any(ImageStoreSchema, { name });
        const destination = any(OCIRegistrySchema, { reference });
        await client.services.transfer.transfer({ source, destination }, client.context);
      };

      await push(IMAGE);
      const { image } = await client.services.images.get({ name: IMAGE }, client.context);
      expect(registry.tags.get("2")).toBe(image!.target!.digest);
      expect(registry.incomplete).toEqual([]);
      const stored = registry.blobs.size;
      await push(IMAGE);
      expect(registry.blobs.size).toBe(stored);
      expect(await push("docker.io/library/nothing:1").catch(String)).toMatch(/not found/);
      expect(await client.ctr(["leases", "ls", "-q"])).toBe("");
    },
    LIMIT_MS,
  );
});

/** As much of a registry as a push asks for. */
function takePushes() {
  const blobs = new Map<string, Buffer>();
  const tags = new Map<string, string>();
  /** Manifests that came before something that they refer to. */
  const incomplete: string[] = [];
  let upload = Buffer.alloc(0);
  const keep = (bytes: Buffer): string => {
    const digest = `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    blobs.set(digest, bytes);
    return digest;
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const name = pathname.slice(pathname.lastIndexOf("/") + 1);
      const location = { Location: "/v2/some/image/blobs/uploads/one" };
      switch (request.method) {
        case "HEAD":
          return new Response(null, { status: blobs.has(name) ? 200 : 404 });
        case "POST":
          upload = Buffer.alloc(0);
          return new Response(null, { status: 202, headers: location });
        case "PATCH":
          upload = Buffer.concat([upload, Buffer.from(await request.arrayBuffer())]);
          return new Response(null, { status: 202, headers: location });
        case "PUT": {
          if (!pathname.includes("/manifests/")) {
            const digest = keep(upload);
            const status = digest === searchParams.get("digest") ? 201 : 400;
            return new Response(null, { status });
          }
          const bytes = Buffer.from(await request.arrayBuffer());
          const wanted = bytes.toString().match(/sha256:[0-9a-f]{64}/g) ?? [];
          incomplete.push(...wanted.filter((digest) => !blobs.has(digest)));
          tags.set(name, keep(bytes));
          return new Response(null, { status: 201 });
        }
        default:
          return new Response("{}");
      }
    },
  });
  return { server, blobs, tags, incomplete };
}

/** Pulls with a password; returns what the client was asked. */
async function pull(client: ContainerdClient, reference: string, secret: string) {
  const auth = await OpenStream.open(client, "auth");
  const answering = (async () => {
    const asked = [];
    for await (const message of auth.incoming) {
      const credentials = { authType: AuthType.CREDENTIALS, username: "somebody", secret };
      auth.send(any(AuthResponseSchema, credentials));
      asked.push(fromBinary(AuthRequestSchema, message.value));
    }
    return asked;
  })();
  const unpacks = [{ platform: PLATFORM, snapshotter: "overlayfs" }];
  const store = { name: reference, platforms: [PLATFORM], unpacks };
  const source = any(OCIRegistrySchema, { reference, resolver: { authStream: "auth" } });
  await client.services.transfer.transfer(
    { source, destination: any(ImageStoreSchema, store) },
    client.context,
  );
  return await answering;
}

/** As much of a registry as a pull asks for; its one image is tagged 1. */
function serveLayout(layout: string) {
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
    manifests: { digest: string; mediaType: string }[];
  };
  const { digest: tagged, mediaType } = index.manifests[0]!;
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      if (request.headers.get("authorization") !== AUTHORIZATION) {
        const headers = { "WWW-Authenticate": 'Basic realm="test"' };
        return new Response('{"errors":[{"code":"UNAUTHORIZED"}]}', { status: 401, headers });
      }
      const { pathname } = new URL(request.url);
      if (pathname === "/v2/") return new Response("{}");
      const [, kind, name] = /^\/v2\/some\/image\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
      const digest = kind === "manifests" && name === "1" ? tagged : (name ?? "");
      const blob = Bun.file(join(layout, "blobs", digest.replace(":", "/")));
      if (!digest.startsWith("sha256:")) {
        return new Response('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', { status: 404 });
      }
      const headers = kind === "manifests" ? { "Content-Type": mediaType } : {};
      return new Response(blob, { headers });
    },
  });
}
