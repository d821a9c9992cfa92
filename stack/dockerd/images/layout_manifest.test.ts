import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import { hostPlatform } from "#lib/registry/platform.ts";
import { blobPath, type Spool } from "./archive_spool.ts";
import { layoutManifest } from "./layout_manifest.ts";

const UNKNOWN = { os: "unknown", architecture: "unknown" };

async function withSpool(
  work: (put: (value: object, mediaType: string) => Descriptor, spool: Spool) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "layout-"));
  const spool: Spool = new Map();
  const put = (value: object, mediaType: string) => {
    const text = JSON.stringify(value);
    const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    const path = join(folder, String(spool.size));
    writeFileSync(path, text);
    spool.set(blobPath(digest), path);
    return { mediaType, digest, size: text.length };
  };
  try {
    await work(put, spool);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("of an index it is this host's image, not its attestation", () =>
  withSpool(async (put, spool) => {
    const config = put({}, MEDIA.config);
    const own = { schemaVersion: 2, config, layers: [] };
    const image = put(own, MEDIA.manifest);
    const other = put({ ...own, annotations: { about: "it" } }, MEDIA.manifest);
    const manifests = [
      { ...other, platform: UNKNOWN },
      { ...image, platform: hostPlatform() },
    ];
    const index = put({ schemaVersion: 2, manifests }, MEDIA.index);
    expect(await layoutManifest(spool, image)).toMatchObject(own);
    expect(await layoutManifest(spool, index)).toMatchObject(own);
    const none = put({ schemaVersion: 2, manifests: [manifests[0]] }, MEDIA.index);
    await expect(layoutManifest(spool, none)).rejects.toThrow("no match for platform in manifest");
    const bare = put({ schemaVersion: 2 }, MEDIA.manifest);
    await expect(layoutManifest(spool, bare)).rejects.toThrow("it has no list of layers");
  }));

test("indexes in each other end somewhere", () =>
  withSpool(async (put, spool) => {
    const index = put({ schemaVersion: 2, manifests: [] }, MEDIA.index);
    const path = spool.get(blobPath(index.digest)) as string;
    const manifests = [{ ...index, platform: hostPlatform() }];
    writeFileSync(path, JSON.stringify({ schemaVersion: 2, manifests }));
    await expect(layoutManifest(spool, index)).rejects.toThrow("nested more than");
  }));
