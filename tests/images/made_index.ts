import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { MEDIA } from "#lib/registry/manifest.ts";

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm", variant: "v6" },
  { os: "linux", architecture: "arm", variant: "v7" },
];

/** Pushes an index of three platforms by hand; one layer is zstd, the others gzip. */
export async function pushIndex(host: string, name: string, tarPath: string) {
  const base = `http://${host}/v2/${name}`;
  const tar = readFileSync(tarPath);
  const manifests: object[] = [];
  for (const platform of PLATFORMS) {
    const zstd = platform.architecture === "amd64";
    const layer = zstd ? zstdCompressSync(tar) : gzipSync(tar, { level: 1 });
    const config = Buffer.from(
      JSON.stringify({
        ...platform,
        config: { Cmd: ["sh"] },
        rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
      }),
    );
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA.manifest,
        config: await putBlob(base, MEDIA.config, config),
        layers: [await putBlob(base, zstd ? MEDIA.layerZstd : MEDIA.layerGzip, layer)],
      }),
    );
    const descriptor = await putManifest(base, digestOf(manifest), MEDIA.manifest, manifest);
    manifests.push({ ...descriptor, platform });
  }
  const index = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests }),
  );
  const { digest } = await putManifest(base, "1", MEDIA.index, index);
  return { index: digest };
}

async function putBlob(base: string, mediaType: string, bytes: Uint8Array) {
  const begun = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
  const url = new URL(begun.headers.get("location") ?? "", base);
  const digest = digestOf(bytes);
  url.searchParams.set("digest", digest);
  await expectCreated(await fetch(url, { method: "PUT", body: bytes as unknown as string }));
  return { mediaType, digest, size: bytes.length };
}

async function putManifest(base: string, reference: string, mediaType: string, bytes: Uint8Array) {
  const request = {
    method: "PUT",
    headers: { "Content-Type": mediaType },
    body: bytes as unknown as string,
  };
  await expectCreated(await fetch(`${base}/manifests/${reference}`, request));
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

async function expectCreated(reply: Response): Promise<void> {
  if (reply.status !== 201) throw new Error(`status ${reply.status}: ${await reply.text()}`);
}
