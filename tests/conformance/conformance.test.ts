import { afterAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { FEATURES } from "./features.ts";
import { resultNotes } from "./harness/result_table.ts";
import { runCases } from "./harness/run_cases.ts";
import { runtimesUnderTest } from "./harness/runtime_under_test.ts";

// Our runtime on every case that is quick; `npm run conformance` runs all, on all runtimes.

const reason = reasonToSkip(["catena runc"]);
const LIMIT_MS = 180_000;

describe.skipIf(reason !== undefined)(`conformance${reason ? ` (${reason})` : ""}`, () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close());
  const [runtime] = runtimesUnderTest(sandbox, ["catena-runc"]);
  for (const feature of FEATURES) {
    test(
      feature.name,
      async () => {
        const quick = feature.cases.filter(({ slow }) => !slow);
        const plans = quick.map((one) => ({ feature, one, runtime: runtime! }));
        const outcomes = await runCases(plans, sandbox);
        const wrong = outcomes.filter(({ kind }) => kind !== "passed" && kind !== "skipped");
        expect(resultNotes(wrong)).toBe("");
      },
      LIMIT_MS,
    );
  }
});
