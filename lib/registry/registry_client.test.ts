import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { ChainError } from "../errors/chain_error.ts";
import type { Credentials } from "./credentials.ts";
import { MEDIA } from "./manifest.ts";
import { RegistryClient } from "./registry_client.ts";
import { fetchManifest, readBlob } from "./registry_read.ts";
import { pushBlob } from "./registry_write.ts";

// A registry that misbehaves, as the path asks it to.

const DATA = new Uint8Array(300_000).map((_, at) => at % 251);
const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const LAYER = { mediaType: MEDIA.layer, digest: digestOf(DATA), size: DATA.length };
const counts = new Map<string, number>();
const seenAuth: (string | null)[] = [];

function count(key: string): number {
  const next = (counts.get(key) ?? 0) + 1;
  counts.set(key, next);
  return next;
}

/** Sends part of the data, then breaks off or falls silent. */
function partly(from: number, to: number, stall: boolean, status: number): Response {
  const headers = {
    "Content-Range": `bytes ${from}-${DATA.length - 1}/${DATA.length}`,
    "Content-Length": String(DATA.length - from),
  };
  const stream = new ReadableStream({
    async start(controller) {
      controller.enqueue(DATA.slice(from, to));
      await Bun.sleep(20);
      if (!stall) controller.error(new Error("broken off"));
    },
  });
  return new Response(stream, { status, headers });
}

const from = (request: Request) =>
  Number(/bytes=([0-9]+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);

function blob(request: Request, kind: string, url: URL): Response {
  const start = from(request);
  const status = start > 0 ? 206 : 200;
  switch (kind) {
    case "breaks":
    case "stalls":
      if (count(kind) < 3) return partly(start, start + 100_000, kind === "stalls", status);
      return partly(start, DATA.length, false, status);
    case "always-breaks":
      return partly(start, start + 10, false, status);
    case "no-ranges":
      if (count(kind) === 1) return partly(0, 100_000, false, 200);
      return new Response(DATA);
    case "wrong-range":
      if (count(kind) === 1) return partly(0, 100_000, false, 200);
      return new Response(DATA.slice(5), {
        status: 206,
        headers: { "Content-Range": `bytes 5-9/${DATA.length}` },
      });
    case "short":
      return new Response(DATA.slice(0, 10));
    case "long":
      return new Response(new Uint8Array([...DATA, 1]));
    case "redirects":
      seenAuth.push(request.headers.get("authorization"));
      return Response.redirect(`http://localhost:${server.port}/elsewhere`, 307);
    case "loops":
      return Response.redirect(url.href, 307);
    case "to-file":
      return new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } });
    case "fails":
      count(kind);
      return new Response("<html>bad gateway</html>", { status: 502 });
    case "limits":
      return Response.json(
        { errors: [{ code: "TOOMANYREQUESTS", message: "slow down" }] },
        { status: 429, headers: { "Retry-After": "3600" } },
      );
    case "limits-once":
      if (count(kind) > 1) return new Response(DATA);
      return new Response("", { status: 429, headers: { "Retry-After": "0" } });
    default:
      return new Response(DATA);
  }
}

function manifest(kind: string): Response {
  const body = JSON.stringify({ schemaVersion: 2, config: LAYER, layers: [] });
  const headers: Record<string, string> = { "Content-Type": MEDIA.manifest };
  if (kind === "liar") headers["Docker-Content-Digest"] = `sha256:${"0".repeat(64)}`;
  if (kind === "huge") return new Response("x".repeat(5 * 1024 * 1024), { headers });
  return new Response(body, { headers });
}

function withTokens(request: Request, url: URL): Response {
  const given = request.headers.get("authorization");
  if (given === "Bearer good") return manifest("");
  const realm = `${url.origin}/token`;
  return new Response("", {
    status: 401,
    headers: {
      "WWW-Authenticate": `Bearer realm="${realm}",service="s",scope="repository:x:pull"`,
    },
  });
}

async function token(request: Request, url: URL): Promise<Response> {
  if (request.method === "POST") {
    const form = new URLSearchParams(await request.text());
    const right = form.get("refresh_token") === "identity" && form.get("service") === "s";
    return right ? Response.json({ access_token: "good" }) : new Response("", { status: 401 });
  }
  const basic = `Basic ${Buffer.from("me:pa:ss").toString("base64")}`;
  const right = request.headers.get("authorization") === basic;
  const scoped = url.searchParams.get("scope") === "repository:x:pull";
  if (right && scoped) return Response.json({ token: "good", expires_in: 300 });
  return Response.json({ details: "incorrect username or password" }, { status: 401 });
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 30,
  error: () => new Response("", { status: 500 }),
  async fetch(request) {
    const url = new URL(request.url);
    const [, , kind = "", what = ""] = url.pathname.split("/");
    if (url.pathname === "/token") return token(request, url);
    if (url.pathname === "/elsewhere") {
      seenAuth.push(request.headers.get("authorization"));
      return new Response(DATA);
    }
    if (what === "blobs" && request.method === "HEAD") return new Response(null, { status: 404 });
    if (what === "blobs" && request.method === "GET") return blob(request, kind, url);
    if (kind === "tokens") return withTokens(request, url);
    if (what === "manifests") return manifest(kind);
    return upload(request, kind, url);
  },
});
afterAll(() => server.stop(true));

async function upload(request: Request, kind: string, url: URL): Promise<Response> {
  const location = `${url.origin}/v2/${kind}/upload/1?state=x`;
  if (request.method === "POST") {
    if (url.searchParams.get("mount")) return new Response("", { status: 201 });
    return new Response("", { status: 202, headers: { Location: location } });
  }
  const bytes = await request.bytes();
  if (request.method === "PATCH") {
    if (kind === "drops" && count("drops") === 1) return new Response("", { status: 503 });
    counts.set(`${kind} received`, bytes.length);
    return new Response("", { status: 202, headers: { Location: location } });
  }
  const right = url.searchParams.get("digest") === LAYER.digest;
  return new Response("", { status: right && url.searchParams.get("state") ? 201 : 400 });
}

function client(credentials: Credentials = {}, signal?: AbortSignal): RegistryClient {
  return new RegistryClient({
    endpoint: { base: `http://127.0.0.1:${server.port}`, tls: {}, mirror: false },
    credentials,
    backoff: { attempts: 3, firstMs: 1 },
    stallMs: 300,
    ...(signal ? { signal } : {}),
  });
}

async function read(kind: string, start = 0, with_ = client()): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const source = { client: with_, repository: kind, descriptor: LAYER };
  for await (const part of readBlob(source, start)) parts.push(part);
  return Buffer.concat(parts);
}

test.each(["whole", "breaks", "stalls", "no-ranges", "limits-once"])(
  "a download that %s arrives whole",
  async (kind) => {
    expect(digestOf(await read(kind))).toBe(LAYER.digest);
  },
);

test("a download goes on at the byte that is wanted", async () => {
  expect((await read("whole", 1000)).equals(Buffer.from(DATA.slice(1000)))).toBe(true);
});

test.each<[string, string]>([
  ["always-breaks", "unexpected EOF"],
  ["wrong-range", "asked for bytes from 100000, got those from 5"],
  ["short", "unexpected EOF"],
  ["long", "is longer than the 300000 bytes it is said to have"],
  ["loops", "stopped after 10 redirects"],
  ["to-file", "it redirects to file:"],
  ["fails", "received unexpected HTTP status: 502: bad gateway"],
  ["limits", "toomanyrequests: slow down"],
])("a download that %s is refused", async (kind, words) => {
  await expect(read(kind)).rejects.toThrow(words);
});

test("what is transient is tried again, a limited number of times", async () => {
  counts.delete("fails");
  await expect(read("fails")).rejects.toThrow("the registry itself failed");
  expect(counts.get("fails")).toBe(3);
});

test("a rate limit is explained", async () => {
  const error = await read("limits").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ChainError);
  const { root } = error as ChainError;
  expect(root).toMatchObject({ layer: "registry", code: "resource_exhausted" });
  expect(root.fix).toContain("wait 3600 s");
});

test("credentials do not follow a redirect to another host", async () => {
  seenAuth.length = 0;
  expect(digestOf(await read("redirects", 0, client({ registryToken: "t" })))).toBe(LAYER.digest);
  expect(seenAuth).toEqual(["Bearer t", null]);
});

test("manifests: the digest is computed, not believed", async () => {
  const found = await fetchManifest(client(), "good", "latest");
  expect(digestOf(found.bytes)).toBe(found.descriptor.digest);
  const wrong = `sha256:${"1".repeat(64)}`;
  for (const [kind, reference] of [
    ["good", wrong],
    ["liar", "latest"],
  ] as const) {
    const refused = fetchManifest(client(), kind, reference);
    await expect(refused).rejects.toThrow("manifest verification failed for digest");
  }
  await expect(fetchManifest(client(), "huge", "latest")).rejects.toThrow("invalid manifest: over");
});

test("tokens: by password, by identity token, and refused", async () => {
  for (const credentials of [
    { username: "me", password: "pa:ss" },
    { identityToken: "identity" },
  ]) {
    const found = await fetchManifest(client(credentials), "tokens", "latest");
    expect(found.descriptor.mediaType).toBe(MEDIA.manifest);
  }
  const refused = fetchManifest(client({ username: "me", password: "no" }), "tokens", "latest");
  await expect(refused).rejects.toThrow("denied: incorrect username or password");
});

test("uploads: mounted, sent, and begun again after a failure", async () => {
  const target = (repository: string) => ({ client: client(), repository });
  async function* open() {
    yield DATA.slice(0, 100_000);
    yield DATA.slice(100_000);
  }
  expect(await pushBlob(target("takes"), LAYER, "other", open)).toBe("mounted");
  expect(await pushBlob(target("takes"), LAYER, undefined, open)).toBe("pushed");
  expect(counts.get("takes received")).toBe(DATA.length);
  expect(await pushBlob(target("drops"), LAYER, undefined, open)).toBe("pushed");
});

test("nobody there, and a client that gives up", async () => {
  const endpoint = { base: "http://127.0.0.1:1", tls: {}, mirror: false };
  const lost = new RegistryClient({ endpoint, backoff: { attempts: 1, firstMs: 1 } });
  await expect(lost.probe()).rejects.toThrow("connect: connection refused");
  const patient = new RegistryClient({ endpoint, backoff: { attempts: 99, firstMs: 1e9 } });
  const request = { method: "GET", path: "/v2/", scope: "" };
  await expect(patient.send(request)).rejects.toThrow("connect: connection refused");
  const abort = new AbortController();
  const reading = read("stalls-for-ever", 0, client({}, abort.signal));
  abort.abort();
  await expect(reading).rejects.toThrow("context canceled");
});
