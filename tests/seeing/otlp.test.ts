import { afterEach, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import {
  ExportMetricsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
} from "#gen/lib/trace/proto/otlp_pb.ts";
import { otlpJson } from "#lib/trace/otlp/otlp_json.ts";
import { otlpMetrics } from "#lib/trace/otlp/otlp_metrics.ts";
import { otlpSpans } from "#lib/trace/otlp/otlp_spans.ts";
import { SpanExporter } from "#lib/trace/otlp/span_exporter.ts";
import { TraceGatherer } from "#lib/trace/otlp/trace_gatherer.ts";
import { isInShare, type SpanRecord } from "#lib/trace/span.ts";
import { appendSpans } from "#lib/trace/spool.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { publishedDecoder } from "./published_decoder.ts";

const sandboxes: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of sandboxes.splice(0)) await sandbox.close();
});

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const OFFSET = 1_800_000_000_000_000_000n;

function span(part: Partial<SpanRecord> = {}): SpanRecord {
  return {
    traceId: TRACE,
    spanId: "b7ad6b7169203331",
    layer: "dockerd",
    name: "exec.start",
    startNs: 1_000,
    endNs: 2_000,
    ...part,
  };
}

const FAILED = span({
  spanId: "00f067aa0ba902b7",
  parentId: "b7ad6b7169203331",
  layer: "runc",
  name: "exec",
  attributes: { container: "c1", tries: 3, share: 0.5, tty: false },
  error: "EAGAIN",
});

test("OpenTelemetry's own decoder reads our spans: ids, times, links, attributes, failure", () => {
  const message = otlpSpans([span(), FAILED], OFFSET, "node1");
  const decoded = publishedDecoder.traces(toBinary(ExportTraceServiceRequestSchema, message));
  const services = decoded.resourceSpans!.map(({ resource, scopeSpans }) => {
    const name = resource!.attributes!.find(({ key }) => key === "service.name");
    return { service: name!.value!.stringValue, spans: scopeSpans![0]!.spans! };
  });
  expect(services.map(({ service }) => service)).toEqual(["dockerd", "runc"]);
  const [server] = services[0]!.spans;
  const [failed] = services[1]!.spans;
  expect(server!.kind).toBe("SPAN_KIND_SERVER");
  expect(server!.startTimeUnixNano).toBe("1800000000000001000");
  expect(Buffer.from(failed!.traceId!, "base64").toString("hex")).toBe(TRACE);
  expect(Buffer.from(failed!.parentSpanId!, "base64").toString("hex")).toBe(
    server!.spanId ? Buffer.from(server!.spanId, "base64").toString("hex") : "",
  );
  expect(failed!.status).toEqual({ message: "EAGAIN", code: "STATUS_CODE_ERROR" });
  expect(failed!.attributes).toEqual([
    { key: "container", value: { stringValue: "c1" } },
    { key: "tries", value: { intValue: "3" } },
    { key: "share", value: { doubleValue: 0.5 } },
    { key: "tty", value: { boolValue: false } },
  ]);
});

test("OpenTelemetry's own decoder reads our metrics", () => {
  const labels = { name: "c1" };
  const metrics = [
    { name: "container_threads", help: "h", type: "gauge", points: [{ labels, value: 7 }] },
    { name: "x_seconds_total", help: "h", type: "counter", points: [{ labels, value: 1.5 }] },
    { name: "nothing", help: "h", type: "gauge", points: [] },
  ] as const;
  const copies = metrics.map((metric) => ({ ...metric, points: [...metric.points] }));
  const message = otlpMetrics(copies, 1_000, 2_000, "node1");
  const decoded = publishedDecoder.metrics(toBinary(ExportMetricsServiceRequestSchema, message));
  const [gauge, sum, ...rest] = decoded.resourceMetrics![0]!.scopeMetrics![0]!.metrics!;
  expect(rest).toEqual([]);
  expect(gauge!.gauge!.dataPoints![0]).toMatchObject({
    timeUnixNano: "2000000000",
    asDouble: 7,
    attributes: [{ key: "name", value: { stringValue: "c1" } }],
  });
  expect(sum).toMatchObject({ name: "x_seconds_total", unit: "s" });
  expect(sum!.sum).toMatchObject({
    isMonotonic: true,
    aggregationTemporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
  });
});

test("OTLP's JSON has hexadecimal ids, numbers for enumerations, strings for long numbers", () => {
  const body = JSON.parse(
    otlpJson(ExportTraceServiceRequestSchema, otlpSpans([FAILED], OFFSET, "n")),
  ) as { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] };
  expect(body.resourceSpans[0]!.scopeSpans[0]!.spans[0]).toMatchObject({
    traceId: TRACE,
    spanId: "00f067aa0ba902b7",
    kind: 1,
    startTimeUnixNano: "1800000000000001000",
    status: { code: 2, message: "EAGAIN" },
  });
});

test("a share of traces is kept, and of the rest what failed or was slow", () => {
  const ids = Array.from({ length: 2000 }, () => crypto.randomUUID().replaceAll("-", ""));
  const kept = ids.filter((id) => isInShare(id, 0.25)).length;
  expect(kept).toBeGreaterThan(400);
  expect(kept).toBeLessThan(600);
  const gatherer = new TraceGatherer({ ratio: 0, slowMs: 100 });
  const id = (digit: string) => digit.repeat(32);
  const late = 200e6;
  const traces = [
    [span({ traceId: id("1") })],
    [span({ traceId: id("2") }), span({ traceId: id("2"), error: "no" })],
    [span({ traceId: id("3"), layer: "runc", name: "exec", endNs: late })],
    // A client that waits for a container's end is not slow.
    [span({ traceId: id("4"), name: "container.wait", endNs: late })],
  ];
  expect(gatherer.add(traces.flat(), 0)).toEqual([]);
  const out = gatherer.add([], 10_000);
  expect(out.map(({ traceId }) => traceId)).toEqual([id("2"), id("2"), id("3")]);
  // What comes later follows its trace.
  expect(gatherer.add([span({ traceId: id("1") }), span({ traceId: id("3") })], 0)).toHaveLength(1);
});

test("a collector that is busy at first gets every span once", async () => {
  const sandbox = new Sandbox();
  sandboxes.push(sandbox);
  const stateDir = sandbox.path("state");
  const bodies: Uint8Array[] = [];
  let refusals = 2;
  const collector = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      if (refusals-- > 0) return new Response("busy", { status: 503 });
      expect(new URL(request.url).pathname).toBe("/v1/traces");
      expect(request.headers.get("Content-Type")).toBe("application/x-protobuf");
      bodies.push(body);
      return new Response();
    },
  });
  sandbox.onClose(() => collector.stop(true));
  const warnings: string[] = [];
  appendSpans(stateDir, [span({ name: "before the exporter began" })]);
  const exporter = new SpanExporter({
    stateDir,
    endpoint: {
      url: `http://127.0.0.1:${collector.port}`,
      protocol: "http/protobuf",
      headers: {},
    },
    rule: { ratio: 1, slowMs: 1000 },
    warn: (_, fields) => warnings.push(String(fields["reason"])),
  });
  appendSpans(stateDir, [span(), FAILED]);
  await waitUntil("the spans arrive", () => exporter.counts.sent === 2);
  await exporter.stop();
  const names = bodies.flatMap((body) =>
    publishedDecoder
      .traces(body)
      .resourceSpans!.flatMap(({ scopeSpans }) => scopeSpans![0]!.spans!.map(({ name }) => name)),
  );
  expect(names).toEqual(["exec.start", "exec"]);
  expect(warnings).toEqual(["503 busy"]);
}, 60_000);
