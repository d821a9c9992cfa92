import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { reasonToSkip } from "../lib/box_probe.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { LeakingStack } from "./leaking_stack.ts";
import { type DecodedSpan, publishedDecoder } from "./published_decoder.ts";

const LIMIT_MS = 120_000;
const PARENT = "00f067aa0ba902b7";
const missing = reasonToSkip(["catena daemon"]);
const title = `a daemon with a collector${missing === undefined ? "" : ` (skipped: ${missing})`}`;

interface CollectedSpan extends DecodedSpan {
  service: string;
  trace: string;
  parent: string;
}

/** A collector that keeps what it gets, as OpenTelemetry's own decoder reads it. */
class Collector {
  readonly spans: CollectedSpan[] = [];
  readonly metrics = new Set<string>();
  readonly server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      if (request.url.endsWith("/v1/traces")) this.#takeSpans(body);
      else this.#takeMetrics(body);
      return new Response();
    },
  });

  of(trace: string): CollectedSpan[] {
    return this.spans.filter((span) => span.trace === trace);
  }

  #takeSpans(body: Uint8Array): void {
    const hex = (text: string | undefined) => Buffer.from(text ?? "", "base64").toString("hex");
    for (const { resource, scopeSpans } of publishedDecoder.traces(body).resourceSpans ?? []) {
      const name = resource?.attributes?.find(({ key }) => key === "service.name");
      const service = name?.value?.stringValue ?? "";
      for (const span of scopeSpans?.[0]?.spans ?? []) {
        const ids = { trace: hex(span.traceId), parent: hex(span.parentSpanId) };
        this.spans.push({ ...span, ...ids, service });
      }
    }
  }

  #takeMetrics(body: Uint8Array): void {
    for (const { scopeMetrics } of publishedDecoder.metrics(body).resourceMetrics ?? []) {
      for (const { name } of scopeMetrics?.[0]?.metrics ?? []) this.metrics.add(name ?? "");
    }
  }
}

describe.skipIf(missing !== undefined)(title, () => {
  const sandbox = new Sandbox();
  const collector = new Collector();
  let stack: LeakingStack;

  async function start(): Promise<void> {
    const url = `http://127.0.0.1:${collector.server.port}`;
    stack = await LeakingStack.start(sandbox, ["--otlp", url, "--monitor", "1"]);
    await stack.run("calm", 50, "sleep", "100000");
  }
  beforeAll(start, LIMIT_MS);
  afterAll(async () => {
    await sandbox.close();
    await collector.server.stop(true);
  }, LIMIT_MS);

  const call = (path: string, headers: Record<string, string>, body: unknown) =>
    fetch(`http://docker${path}`, {
      unix: stack.daemon.socket,
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  /** An exec by a client that has a trace of its own. */
  async function exec(trace: string, flags: string, program: string): Promise<void> {
    const headers = { traceparent: `00-${trace}-${PARENT}-${flags}`, tracestate: "vendor=1" };
    const created = await call("/containers/calm/exec", headers, { Cmd: [program] });
    const { Id } = (await created.json()) as { Id: string };
    await call(`/exec/${Id}/start`, headers, { Detach: true });
  }

  test(
    "a client's trace goes through every link down to execve, and to the collector",
    async () => {
      const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
      await exec(trace, "01", "true");
      await waitUntil("init's spans arrive", () =>
        collector.of(trace).some(({ name }) => name?.startsWith("execve true")),
      );
      const spans = collector.of(trace);
      const services = new Set(spans.map(({ service }) => service));
      expect([...services].sort()).toEqual(["containerd", "dockerd", "init", "runc", "shim"]);
      const first = spans.find(({ name }) => name === "exec.start");
      expect(first).toMatchObject({ parent: PARENT, kind: "SPAN_KIND_SERVER" });
      // Every other span hangs on one of them: no link lost the thread.
      const ids = new Set(
        spans.map(({ spanId }) => Buffer.from(spanId!, "base64").toString("hex")),
      );
      const loose = spans.filter(({ parent }) => parent !== PARENT && !ids.has(parent));
      expect(loose.map(({ name }) => name)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "what a client did not sample is not sent, unless it fails",
    async () => {
      const quiet = "11111111111111111111111111111111";
      const failing = "22222222222222222222222222222222";
      await exec(quiet, "00", "true");
      await exec(failing, "00", "no-such-program");
      await waitUntil("the failure arrives", () => collector.of(failing).length > 0);
      const failed = collector.of(failing).filter(({ status }) => status?.code);
      expect(failed.map(({ service }) => service)).toContain("shim");
      expect(collector.of(quiet)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "its metrics are on a socket for Prometheus, and with the collector",
    async () => {
      const socket = join(stack.daemon.state, "metrics.sock");
      const text = await waitUntil("the container is measured", async () => {
        const response = await fetch("http://metrics/metrics", { unix: socket });
        const body = await response.text();
        return /^container_threads\{[^}]*name="calm"[^}]*\} 1$/m.test(body) ? body : undefined;
      });
      expect(text).toMatch(/^container_threads_max\{[^}]*name="calm"[^}]*\} 50$/m);
      await waitUntil("metrics arrive", () => collector.metrics.has("container_threads"));
    },
    LIMIT_MS,
  );
});
