import { expect, test } from "bun:test";
import type { SpanRecord } from "#lib/trace/span.ts";
import { assembleTraces } from "./assemble_trace.ts";
import { compareTraces, drawComparison } from "./compare_traces.ts";

/** An exec whose wait for the cgroup takes `joinMs`. */
function exec(traceId: string, joinMs: number) {
  const ms = 1e6;
  const span = (part: Partial<SpanRecord>): SpanRecord => ({
    traceId,
    spanId: part.name ?? "",
    layer: "init",
    name: "",
    startNs: 0,
    endNs: 0,
    ...part,
  });
  const end = 10 + joinMs;
  const spans = [
    span({ layer: "runc", name: "exec", endNs: end * ms }),
    span({ name: "init grandchild", parentId: "exec", startNs: 2 * ms, endNs: end * ms }),
    span({
      name: `cgroup join files [${joinMs}]`,
      parentId: "init grandchild",
      startNs: 3 * ms,
      endNs: (3 + joinMs) * ms,
    }),
    span({
      name: "execve true (3 variables)",
      parentId: "init grandchild",
      startNs: (8 + joinMs) * ms,
      endNs: end * ms,
    }),
  ];
  return assembleTraces(spans)[0]!;
}

test("the step that made an exec slow is named, though its callers took as long", () => {
  const comparison = compareTraces(exec("a", 1), exec("b", 41));
  expect(comparison.steps[0]).toMatchObject({ link: "init", step: "cgroup join" });
  expect(comparison.steps[0]!.differenceMs).toBeCloseTo(40, 6);
  const text = drawComparison(comparison);
  expect(text).toContain("the second took 40.00 ms longer");
  expect(text).toContain("the second one spent 40.00 ms more waiting for the cgroup");
});

test("the differences add up to the difference of the whole", () => {
  const comparison = compareTraces(exec("a", 12), exec("b", 5));
  const sum = comparison.steps.reduce((total, step) => total + step.differenceMs, 0);
  expect(sum).toBeCloseTo(comparison.rightMs - comparison.leftMs, 6);
  expect(drawComparison(comparison)).toContain("the first one spent 7.00 ms more waiting");
});

test("a step that only one of them has, and a name with escape codes, do no harm", () => {
  const right = exec("b", 1);
  right.rows[0]!.span.name = "\x1b[31mexec";
  const text = drawComparison(compareTraces(exec("a", 1), right));
  expect(text).not.toContain("\x1b");
  expect(text).toContain("\\x1b[31mexec");
});
