import { expect, test } from "bun:test";
import { contextFields, contextOf } from "#lib/rpc/call_fields.ts";
import { formatTraceparent, parseTraceparent, type TraceContext } from "#lib/trace/span.ts";
import { type SpanSink, Tracer } from "#lib/trace/tracer.ts";
import { contextFromRequest, metadataFromContext } from "#wire/task-ttrpc/framing/call_metadata.ts";

const HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

test("a client's context and the words of other tracers are taken and given on", () => {
  const context = parseTraceparent(HEADER, STATE)!;
  expect(formatTraceparent(context)).toBe(HEADER);
  expect(context.state).toBe(STATE);
  const below = new Tracer("dockerd").start("exec", context).context;
  expect(below).toMatchObject({ traceId: context.traceId, state: STATE, sampled: true });
  expect(below.spanId).not.toBe(context.spanId);
});

test("tracestate goes with the context over gRPC and ttrpc", () => {
  const trace = parseTraceparent(HEADER, STATE)!;
  const fields = new Map(contextFields({ trace }));
  const { signal } = new AbortController();
  const grpc = contextOf((name) => fields.get(name), undefined, signal);
  expect(grpc.trace).toEqual(trace);
  expect(contextFromRequest(metadataFromContext({ trace }), 0n).trace).toEqual(trace);
});

test("a tracestate that could harm a header or is endless is left out", () => {
  for (const state of ["a=b\r\nX: y", "a=\x1b[2J", "x".repeat(513)]) {
    const context: TraceContext = parseTraceparent(HEADER, state)!;
    expect(context.state).toBeUndefined();
    expect(context.sampled).toBe(true);
  }
});

test("what is not sampled is recorded only when it fails or is slow", () => {
  const names: string[] = [];
  const sink: SpanSink = { add: ({ name }) => void names.push(name) };
  const tracer = new Tracer("shim", sink);
  const unsampled = parseTraceparent(`${HEADER.slice(0, -2)}00`)!;
  tracer.start("quick", unsampled).end();
  tracer.start("failing", unsampled).end(new Error("no"));
  // That a look-up finds nothing is an answer, not a failure.
  tracer.start("Snapshots.Stat", unsampled).end(new Error("not found"));
  tracer.start("sampled", parseTraceparent(HEADER)).end();
  expect(names).toEqual(["failing", "sampled"]);
});
