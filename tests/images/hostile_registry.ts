import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { MEDIA } from "#lib/registry/manifest.ts";
import type { Sandbox } from "../lib/sandbox.ts";

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const KINDS = [
  "none",
  "other bytes",
  "breaks once",
  "breaks always",
  "too long",
  "401",
  "403",
  "429",
  "500",
  "redirects in circles",
  "wrong diff id",
  "too few layers",
  "hostile tar",
  "circular index",
  "million layers",
  "bomb",
  "slow",
] as const;

/** In which way an image is wrong, or how its layer is sent. */
export type Misbehaviour = (typeof KINDS)[number];

/** Requests that it saw for layers, each with its range. */
export interface HostileRegistry {
  host: string;
  ranges: Map<string, string[]>;
}

interface Hosted {
  manifest: Buffer;
  config: Buffer;
  layer: Buffer;
}

/** What a registry has under a name: an image of one layer, wrong in the way that is asked for. */
function hosted(plain: Buffer, kind: Misbehaviour): Hosted {
  // No two have the same layer: zeros behind the end are no content.
  const tar = Buffer.concat([plain, Buffer.alloc(512 * (1 + KINDS.indexOf(kind)))]);
  const layer = kind === "bomb" ? gzipSync(Buffer.alloc(64 << 20)) : gzipSync(tar, { level: 1 });
  const diffId = kind === "wrong diff id" ? digestOf(layer) : digestOf(tar);
  const config = Buffer.from(
    JSON.stringify({
      os: "linux",
      architecture: "amd64",
      config: { Labels: { kind } },
      rootfs: { type: "layers", diff_ids: kind === "too few layers" ? [] : [diffId] },
    }),
  );
  const blob = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const one = blob(MEDIA.layerGzip, layer);
  const layers = kind === "million layers" ? Array(20_000).fill(one) : [one];
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: blob(MEDIA.config, config),
      layers,
    }),
  );
  return { manifest, config, layer };
}

/** A registry on loopback in which each repository misbehaves as its name says. */
export function startHostile(
  sandbox: Sandbox,
  tarOf: (kind: Misbehaviour) => Buffer,
): HostileRegistry {
  const images = new Map<string, Hosted>();
  const ranges = new Map<string, string[]>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    error: () => new Response("", { status: 500 }),
    fetch(request) {
      const [, version, name = "", what = "", reference = ""] = new URL(request.url).pathname.split(
        "/",
      );
      if (version !== "v2" || name === "") return new Response("{}");
      const kind = name.replaceAll("-", " ") as Misbehaviour;
      const image = images.get(name) ?? hosted(tarOf(kind), kind);
      images.set(name, image);
      if (what === "manifests") return manifestReply(image, kind, reference);
      if (reference === digestOf(image.config)) return new Response(image.config as never);
      const range = request.headers.get("range") ?? "";
      const seen = [...(ranges.get(name) ?? []), range];
      ranges.set(name, seen);
      return layerReply(image.layer, kind, range, seen.length);
    },
  });
  sandbox.onClose(() => server.stop(true));
  return { host: `127.0.0.1:${server.port}`, ranges };
}

function manifestReply({ manifest }: Hosted, kind: Misbehaviour, reference: string): Response {
  if (kind !== "circular index") {
    return new Response(manifest as never, { headers: { "Content-Type": MEDIA.manifest } });
  }
  // Every index names another one: no digest can name itself.
  const depth = reference.startsWith("sha256:") ? 1 : 0;
  const next = indexOf(`${depth}`);
  const body = depth === 0 ? indexOf(digestOf(next)) : next;
  return new Response(body as never, { headers: { "Content-Type": MEDIA.index } });
}

function indexOf(digest: string): Buffer {
  const known = digest.startsWith("sha256:") ? digest : `sha256:${"0".repeat(64)}`;
  const platform = { os: "linux", architecture: "amd64" };
  const manifests = [{ mediaType: MEDIA.index, digest: known, size: 1, platform }];
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.index, manifests }));
}

function layerReply(layer: Buffer, kind: Misbehaviour, range: string, times: number): Response {
  const start = Number(/bytes=([0-9]+)-/.exec(range)?.[1] ?? 0);
  const errors = (code: string, message: string) => ({ errors: [{ code, message }] });
  switch (kind) {
    case "other bytes":
      return new Response(Buffer.alloc(layer.length, 7) as never);
    case "breaks once":
    case "breaks always": {
      const whole = kind === "breaks once" && times > 1;
      return partly(layer, start, whole ? layer.length : start + 1000);
    }
    case "slow":
      return slowly(layer, start);
    case "too long":
      return new Response(Buffer.concat([layer, layer]) as never);
    case "401":
      return Response.json(errors("UNAUTHORIZED", "authentication required"), { status: 401 });
    case "403":
      return Response.json(errors("DENIED", "requested access is denied"), { status: 403 });
    case "429": {
      const headers = { "Retry-After": "600" };
      return Response.json(errors("TOOMANYREQUESTS", "too many"), { status: 429, headers });
    }
    case "500":
      return new Response("oops", { status: 500 });
    case "redirects in circles":
      return Response.redirect(`?again=${times}`, 307);
    default:
      return new Response(layer as never);
  }
}

function partly(layer: Buffer, start: number, end: number): Response {
  const headers = {
    "Content-Length": String(layer.length - start),
    "Content-Range": `bytes ${start}-${layer.length - 1}/${layer.length}`,
  };
  const stream = new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(layer.subarray(start, end)));
      await Bun.sleep(10);
      if (end < layer.length) controller.error(new Error("broken off on purpose"));
      else controller.close();
    },
  });
  return new Response(stream, { status: start > 0 ? 206 : 200, headers });
}

/** A tenth of a megabyte at a time, with pauses: whole after four seconds. */
function slowly(layer: Buffer, start: number): Response {
  const headers = { "Content-Range": `bytes ${start}-${layer.length - 1}/${layer.length}` };
  let at = start;
  const stream = new ReadableStream({
    async pull(controller) {
      if (at >= layer.length) return controller.close();
      controller.enqueue(new Uint8Array(layer.subarray(at, at + 100_000)));
      at += 100_000;
      await Bun.sleep(400);
    },
  });
  return new Response(stream, { status: start > 0 ? 206 : 200, headers });
}
