import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttp2Server } from "node:http2";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { greetDaemon } from "#tools/doctor/discover/greet_daemon.ts";

const LIMIT_MS = 300;
let folder: string;
const servers: { close(): void }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-greet-"));
});

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function listen(server: Pick<Server, "listen" | "close">, name: string): Promise<string> {
  const path = join(folder, name);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  servers.push(server);
  await promise;
  return path;
}

test("a gRPC server greets at once", async () => {
  const path = await listen(createHttp2Server(), "grpc");
  expect(await greetDaemon(path, 2000)).toMatchObject({ ok: true });
});

test("who accepts and says nothing hangs, within the limit", async () => {
  const path = await listen(
    createServer(() => undefined),
    "silent",
  );
  const answer = await greetDaemon(path, LIMIT_MS);
  expect(answer).toMatchObject({ ok: false, timedOut: true });
  expect(answer.latencyMs).toBeLessThan(LIMIT_MS * 3);
});

test("who answers in another protocol, closes or is not there fails", async () => {
  const other = await listen(
    createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    "http1",
  );
  expect((await greetDaemon(other, LIMIT_MS)).error).toContain("does not speak gRPC");
  const closing = await listen(
    createServer((socket) => socket.destroy()),
    "closing",
  );
  expect((await greetDaemon(closing, LIMIT_MS)).ok).toBe(false);
  expect((await greetDaemon(join(folder, "none"), LIMIT_MS)).error).toBe("ENOENT");
});
