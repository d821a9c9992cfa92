import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Events } from "#gen/wire/task-ttrpc/proto/events_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { ttrpcClient } from "../client/ttrpc_client.ts";
import { TtrpcConnection } from "../client/ttrpc_connection.ts";
import { TtrpcDispatch } from "./ttrpc_dispatch.ts";
import { serveTtrpc, type TtrpcServer } from "./ttrpc_server.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

type Forward = (topic: string, context: CallContext) => Promise<void>;

async function startPair(forward: Forward) {
  const folder = mkdtempSync(join(tmpdir(), "ttrpc-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "s");
  const dispatch = new TtrpcDispatch("containerd").add(Events, {
    async forward(request, context) {
      await forward(request.envelope?.topic ?? "", context);
      return {};
    },
  });
  const server: TtrpcServer = serveTtrpc(path, dispatch);
  cleanups.push(() => server.stop(true));
  const connection = await TtrpcConnection.connect({ path, peer: "containerd" });
  cleanups.push(() => connection.close());
  return { server, connection, client: ttrpcClient(Events, connection), path };
}

test("a call arrives with its namespace, trace and time limit", async () => {
  let seen: CallContext = {};
  const { client } = await startPair(async (_topic, context) => {
    seen = context;
  });
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  await client.forward(
    { envelope: { topic: "/tasks/exit" } },
    { namespace: "n", trace, timeoutMs: 5000 },
  );
  expect(seen).toMatchObject({ namespace: "n", trace, timeoutMs: 5000 });
});

test("calls on one connection answer in their own order", async () => {
  const gates = new Map<string, () => void>();
  const { client } = await startPair(
    (topic) => new Promise((resolve) => gates.set(topic, resolve)),
  );
  const order: string[] = [];
  const calls = ["a", "b"].map((topic) =>
    client.forward({ envelope: { topic } }, {}).then(() => order.push(topic)),
  );
  while (gates.size < 2) await Bun.sleep(1);
  gates.get("b")!();
  await calls[1];
  gates.get("a")!();
  await Promise.all(calls);
  expect(order).toEqual(["b", "a"]);
});

test("a refusal crosses frame for frame", async () => {
  const error = new ChainError([
    { layer: "shim", op: "x", code: "not_found", message: "outer" },
    { layer: "runc", op: "y", code: "not_found", message: "inner", evidence: [] },
  ]);
  const { client } = await startPair(() => Promise.reject(error));
  const got = await client.forward({}, {}).catch((thrown: unknown) => thrown);
  expect(got).toBeInstanceOf(ChainError);
  expect((got as ChainError).frames).toEqual(error.frames);
  expect((got as ChainError).id).toBe(error.id);
});

test("a caller's deadline ends its wait and tells the server", async () => {
  const aborted = Promise.withResolvers<void>();
  const { client } = await startPair((_topic, context) => {
    context.signal?.addEventListener("abort", () => aborted.resolve());
    return aborted.promise;
  });
  const got = await client.forward({}, { timeoutMs: 20 }).catch((thrown: unknown) => thrown);
  expect((got as ChainError).outer.code).toBe("deadline_exceeded");
  await aborted.promise;
});

test("a server that vanishes rejects the calls under way", async () => {
  const { client, server } = await startPair(() => new Promise(() => {}));
  const call = client.forward({}, {}).catch((thrown: unknown) => thrown);
  await Bun.sleep(10);
  server.stop(true);
  expect(((await call) as ChainError).causeId).toBe("ttrpc-closed");
});

test("hostile bytes neither kill the server nor other connections", async () => {
  const { client, path } = await startPair(async () => {});
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 0xff, 0xff]),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 2, 1, 0]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0, 9]),
    Buffer.from(crypto.getRandomValues(new Uint8Array(4096))),
  ]) {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.write(bytes);
    await Bun.sleep(2);
    socket.terminate();
  }
  await client.forward({}, {});
});
