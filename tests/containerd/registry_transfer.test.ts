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
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { any, OpenStream } from "./open_stream.ts";

// A pull as the ctr of containerd 2.x makes it: over the transfer service, which asks the client
// for credentials. The registry is a few lines of this test that serve an OCI layout.

const LIMIT_MS = 120_000;
const PLATFORM = { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };
const AUTHORIZATION = `Basic ${Buffer.from("somebody:secret").toString("base64")}`;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

describe(reason ? `a pull by transfer [skipped: ${reason}]` : "a pull by transfer", () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "brings an image that runs, for who may have it",
    async () => {
      await busyboxImageArchive(sandbox);
      const registry = serveLayout(sandbox.path("images", "oci"));
      sandbox.onClose(() => registry.stop(true));
      const daemon = await startCatenaContainerd(sandbox);
      const client = new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2");
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
});

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
