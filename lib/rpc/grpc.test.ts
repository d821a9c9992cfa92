import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Content } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { Leases } from "#gen/wire/containerd-api/proto/leases_pb.ts";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { containerdErrors } from "#wire/containerd-api/errors.ts";
import { GrpcChannel } from "./grpc_channel.ts";
import { grpcClient } from "./grpc_client.ts";
import { GrpcServer } from "./grpc_server.ts";
import type { CallContext, ServiceClient, ServiceImplementation } from "./service.ts";

const folder = mkdtempSync(join(tmpdir(), "grpc-"));
const socket = join(folder, "s.sock");
const seen: CallContext[] = [];
let endless: AbortSignal | undefined;
let server: GrpcServer;
let channel: GrpcChannel;
let client: ServiceClient<typeof Content>;

const refused = failure({
  layer: "runc",
  op: "exec",
  code: "resource_exhausted",
  message: "no room",
  causeId: "pids-cgroup-full",
  cause: "the cgroup is full",
  evidence: [{ kind: "cgroup", value: "pids.current 30 of pids.max 30" }],
}).wrap({ layer: "containerd", op: "tasks.start", code: "unknown", message: "outer" });

const implementation: ServiceImplementation<typeof Content> = {
  info: async ({ digest }, context) => {
    seen.push(context);
    if (digest === "fail") throw refused;
    if (digest === "crash") throw new Error("boom");
    if (digest === "hang")
      await new Promise((resolve) => context.signal?.addEventListener("abort", resolve));
    return { info: { digest, size: 5n } };
  },
  update: async () => ({}),
  delete: async () => ({}),
  status: async () => ({}),
  listStatuses: async () => ({}),
  abort: async () => ({}),
  list: async function* (_request, context) {
    endless = context.signal;
    for (;;) {
      yield { info: [] };
      await Bun.sleep(5);
    }
  },
  read: async function* ({ size }) {
    for (let at = 0; at < Number(size); at += 32_768) {
      yield { offset: BigInt(at), data: new Uint8Array(32_768) };
    }
    if (size === 0n) throw refused;
  },
  write: async function* (requests) {
    let offset = 0n;
    for await (const { data, action } of requests) {
      offset += BigInt(data.length);
      yield { action, offset };
      if (action === 2) throw refused;
    }
  },
};

beforeAll(async () => {
  server = new GrpcServer(containerdErrors());
  server.add(Content, implementation);
  await server.listen(socket);
  channel = new GrpcChannel(socket);
  client = grpcClient(Content, channel, containerdErrors({ address: socket }));
});

afterAll(async () => {
  channel.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

async function thrownBy(work: Promise<unknown>): Promise<ChainError> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(ChainError);
  return error as ChainError;
}

async function drain(stream: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of stream) count++;
  return count;
}

test("the socket belongs to root and group alone", () => {
  expect(statSync(socket).mode & 0o777).toBe(0o660);
});

test("a second server does not take over a served socket", async () => {
  const rival = new GrpcServer(containerdErrors());
  expect((await thrownBy(rival.listen(socket))).outer.code).toBe("already_exists");
});

test("headers and deadline arrive", async () => {
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const sent = { namespace: "ns", lease: "l", trace, timeoutMs: 5000 };
  expect((await client.info({ digest: "d" }, sent)).info?.size).toBe(5n);
  const context = seen.at(-1)!;
  expect(context).toMatchObject({ namespace: "ns", lease: "l", trace });
  expect(context.timeoutMs).toBeWithin(3000, 5001);
});

test("frames cross whole", async () => {
  const error = await thrownBy(client.info({ digest: "fail" }, {}));
  expect(error.frames).toEqual(refused.frames);
  expect(error.id).toBe(refused.id);
  const crash = await thrownBy(client.info({ digest: "crash" }, {}));
  expect(crash.root).toMatchObject({ layer: "containerd", message: "boom" });
});

test("deadline and cancellation end the call on both sides", async () => {
  const late = await thrownBy(client.info({ digest: "hang" }, { timeoutMs: 50 }));
  expect(late.outer).toMatchObject({ code: "deadline_exceeded" });
  const leave = new AbortController();
  const call = thrownBy(client.info({ digest: "hang" }, { signal: leave.signal }));
  await Bun.sleep(30);
  leave.abort();
  expect((await call).outer.code).toBe("cancelled");
  await Bun.sleep(30);
  expect(seen.at(-1)!.signal?.aborted).toBe(true);
});

test("streams end, fail and are left", async () => {
  expect(await drain(client.read({ size: BigInt(64 * 32_768) }, {}))).toBe(64);
  expect((await thrownBy(drain(client.read({ size: 0n }, {})))).id).toBe(refused.id);
  for await (const _ of client.list({}, {})) break;
  await Bun.sleep(50);
  expect(endless?.aborted).toBe(true);
});

test("both directions stream, and an error follows what came before it", async () => {
  async function* requests() {
    for (let i = 0; i < 20; i++) yield { action: 1, data: new Uint8Array(50_000) };
    yield { action: 2 };
  }
  const offsets: bigint[] = [];
  const work = (async () => {
    for await (const { offset } of client.write(requests(), {})) offsets.push(offset);
  })();
  expect((await thrownBy(work)).id).toBe(refused.id);
  expect(offsets).toHaveLength(21);
  expect(offsets.at(-1)).toBe(1_000_000n);
});

test("messages far longer than a window cross, to readers that take their time, too", async () => {
  async function* requests() {
    for (let i = 0; i < 2; i++) yield { action: 1, data: new Uint8Array(3_000_000) };
  }
  let last = 0n;
  for await (const { offset } of client.write(requests(), {})) {
    last = offset;
    await Bun.sleep(1);
  }
  expect(last).toBe(6_000_000n);
  let count = 0;
  for await (const { data } of client.read({ size: BigInt(100 * 32_768) }, {})) {
    count += data.length;
    await Bun.sleep(0);
  }
  expect(count).toBe(100 * 32_768);
  const large = client.info({ digest: "x".repeat(17_000_000) }, {});
  expect((await thrownBy(large)).outer.code).toBe("resource_exhausted");
}, 60_000);

test("a server that comes back is found again; calls under way when it went fail", async () => {
  const path = join(folder, "again.sock");
  const serve = async (): Promise<GrpcServer> => {
    const made = new GrpcServer(containerdErrors());
    made.add(Content, implementation);
    await made.listen(path);
    return made;
  };
  const first = await serve();
  const caller = new GrpcChannel(path);
  const again = grpcClient(Content, caller, containerdErrors({ address: path }));
  await again.info({ digest: "d" }, {});
  const hanging = thrownBy(again.info({ digest: "hang" }, {}));
  await first.close(0);
  expect((await hanging).outer.code).toBe("unavailable");
  expect((await thrownBy(again.info({ digest: "d" }, {}))).outer.causeId).toBe("containerd-down");
  const second = await serve();
  expect((await again.info({ digest: "d" }, {})).info?.size).toBe(5n);
  caller.close();
  await second.close();
});

test("methods and services that there are not are told apart", async () => {
  const wire = containerdErrors();
  const elsewhere = grpcClient(Leases, channel, wire).list({}, {});
  const words = "unknown service containerd.services.leases.v1.Leases";
  expect((await thrownBy(elsewhere)).outer).toMatchObject({
    code: "unimplemented",
    message: words,
  });
});

test("a server that ends cuts streams short, and says so", async () => {
  const path = join(folder, "short.sock");
  const short = new GrpcServer(containerdErrors());
  short.add(Content, {
    ...implementation,
    list: async function* (_request, { signal }) {
      while (!signal?.aborted) {
        yield { info: [] };
        await Bun.sleep(5);
      }
    },
  });
  await short.listen(path);
  const caller = new GrpcChannel(path);
  const work = drain(grpcClient(Content, caller, containerdErrors()).list({}, {}));
  const failed = thrownBy(work);
  await Bun.sleep(50);
  const started = performance.now();
  await short.close(5000);
  expect(performance.now() - started).toBeLessThan(2000);
  expect((await failed).outer.code).toBe("unavailable");
  caller.close();
});

test("nobody at the socket is told as such", async () => {
  const address = join(folder, "none.sock");
  const lonely = new GrpcChannel(address);
  const errors = containerdErrors({ address });
  const error = await thrownBy(grpcClient(Content, lonely, errors).info({ digest: "x" }, {}));
  lonely.close();
  expect(error.outer).toMatchObject({ code: "unavailable", causeId: "containerd-down" });
  expect(error.message).toContain(`dial unix ${address}`);
});
