import { expect, test } from "bun:test";
import type { SpanRecord } from "#lib/trace/span.ts";
import { assembleTraces, reachedRuntime } from "./assemble_trace.ts";
import { drawWaterfall } from "./draw_waterfall.ts";

function span(part: Partial<SpanRecord> & { spanId: string }): SpanRecord {
  return { traceId: "t1", layer: "dockerd", name: "work", startNs: 0, endNs: 10e6, ...part };
}

const EXEC: SpanRecord[] = [
  span({ spanId: "c", parentId: "b", layer: "init", name: "execve", startNs: 6e6, endNs: 8e6 }),
  span({ spanId: "a", name: "exec.start" }),
  span({ spanId: "b", parentId: "a", layer: "runc", name: "runc exec", startNs: 2e6, endNs: 9e6 }),
];

test("spans that arrive in any order form one tree, outermost first", () => {
  const [trace] = assembleTraces(EXEC);
  expect(trace!.rows.map(({ span: one, depth }) => [one.name, depth])).toEqual([
    ["exec.start", 0],
    ["runc exec", 1],
    ["execve", 2],
  ]);
  expect(trace!.endNs - trace!.startNs).toBe(10e6);
});

test("a span whose parent was not recorded is a root, and a cycle ends", () => {
  const [trace] = assembleTraces([
    span({ spanId: "x", parentId: "y" }),
    span({ spanId: "y", parentId: "x" }),
    span({ spanId: "z", parentId: "foreign" }),
  ]);
  expect(trace!.rows).toHaveLength(3);
});

test("only what reached a runtime is the last trace", () => {
  const traces = assembleTraces([...EXEC, span({ traceId: "t2", spanId: "q", startNs: 50e6 })]);
  expect(traces.findLast(reachedRuntime)!.traceId).toBe("t1");
});

test("the waterfall names links, times and failures, without escape codes", () => {
  const failed = span({ spanId: "e", parentId: "b", layer: "init", error: "\x1b[31mEAGAIN" });
  const text = drawWaterfall(assembleTraces([...EXEC, failed])[0]!, 100, false);
  expect(text).toContain("runc exec");
  expect(text).toMatch(/init\s+execve\s+6\.00 ms\s+2\.00 ms/);
  expect(text).toContain("failed: \\x1b[31mEAGAIN");
  expect(text).not.toContain("\x1b");
});
