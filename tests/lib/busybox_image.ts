import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeBusyboxTar } from "#tools/demo/busybox_rootfs.ts";
import { mustRun } from "./command.ts";
import type { Sandbox } from "./sandbox.ts";

/** The name that the image archive gives the image. */
export const IMAGE = "docker.io/library/catest:latest";

/** Writes the busybox root file system as a tar, for `docker import`. Returns its path. */
export async function busyboxTar(sandbox: Sandbox): Promise<string> {
  const path = sandbox.path("images", "rootfs.tar");
  if (!existsSync(path)) await writeBusyboxTar(path);
  return path;
}

/** Unpacks the busybox root file system into a new folder, for bundles and `ctr run --rootfs`. */
export async function busyboxFolder(sandbox: Sandbox, ...names: string[]): Promise<string> {
  const folder = sandbox.path(...names);
  mkdirSync(folder, { recursive: true });
  await mustRun(["tar", "-xf", await busyboxTar(sandbox), "-C", folder]);
  return folder;
}

/** Writes the same root file system as an OCI image archive, for `ctr image import`. */
export async function busyboxImageArchive(sandbox: Sandbox): Promise<string> {
  const layer = readFileSync(await busyboxTar(sandbox));
  const config = { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["sh"] };
  return imageArchive(sandbox, "oci", { name: IMAGE, layer, config });
}

/** Writes an image of one layer as an OCI archive, `<file>.tar`. Returns its path. */
export async function imageArchive(
  sandbox: Sandbox,
  file: string,
  image: { name: string; layer: Buffer; config: object },
): Promise<string> {
  const archive = sandbox.path("images", `${file}.tar`);
  if (existsSync(archive)) return archive;
  const layout = sandbox.path("images", file);
  mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
  const layer = addBlob(layout, "application/vnd.oci.image.layer.v1.tar", image.layer);
  const config = addJson(layout, "application/vnd.oci.image.config.v1+json", {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: image.config,
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = addJson(layout, "application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers: [layer],
  });
  const annotations = { "io.containerd.image.name": image.name };
  writeJson(join(layout, "index.json"), {
    schemaVersion: 2,
    manifests: [{ ...manifest, annotations }],
  });
  writeJson(join(layout, "oci-layout"), { imageLayoutVersion: "1.0.0" });
  await mustRun(["tar", "-cf", archive, "-C", layout, "oci-layout", "index.json", "blobs"]);
  return archive;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

function addJson(layout: string, mediaType: string, value: unknown): Descriptor {
  return addBlob(layout, mediaType, Buffer.from(JSON.stringify(value)));
}

function addBlob(layout: string, mediaType: string, bytes: Buffer): Descriptor {
  const hash = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(layout, "blobs", "sha256", hash), bytes);
  return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value));
}
