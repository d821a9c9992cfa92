import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FEATURES } from "../../conformance/features.ts";
import { resultNotes, resultTable } from "../../conformance/harness/result_table.ts";
import { type Outcome, runCases } from "../../conformance/harness/run_cases.ts";
import {
  type RuntimeUnderTest,
  runtimesUnderTest,
} from "../../conformance/harness/runtime_under_test.ts";
import { Sandbox } from "../../lib/sandbox.ts";
import { isElsewhere, type LaneName, laneTitle } from "./lane_test.ts";

/** An emulated machine takes ten times as long as the one that the cases were timed on. */
const LIMIT_MS = 600_000;
const PARTS = 4;

/** What is wrong in a lane; on another kind of host the control may pass what it was not to. */
function isWrong({ kind, runtime }: Outcome): boolean {
  return kind === "failed" || (kind === "surprise" && runtime === "catena-runc");
}

/**
 * Declares the tests of the conformance suite in a lane, each on our runtime and on genuine runc in
 * the same run: what fails on both is wrong with the case or the machine. Each of the `PARTS` is a
 * file, whose results are kept when the machine ends in another.
 */
export function describeConformance(lane: LaneName, part: 0 | 1 | 2 | 3): void {
  const title = laneTitle(lane, `conformance, runc as control, part ${part + 1} of ${PARTS}`);
  describe.skipIf(isElsewhere(lane))(title, () => {
    let sandbox: Sandbox;
    let runtimes: RuntimeUnderTest[];
    const all: Outcome[] = [];
    beforeAll(() => {
      sandbox = new Sandbox();
      runtimes = runtimesUnderTest(sandbox, ["catena-runc", "runc"]);
      expect(runtimes).toHaveLength(2);
    });
    afterAll(async () => {
      if (all.length > 0) console.log(resultTable(all));
      await sandbox?.close();
    });
    for (const feature of FEATURES.filter((_, index) => index % PARTS === part)) {
      test(
        feature.name,
        async () => {
          const quick = feature.cases.filter(({ slow }) => !slow);
          const plans = quick.flatMap((one) =>
            runtimes.map((runtime) => ({ feature, one, runtime })),
          );
          const outcomes = await runCases(plans, sandbox);
          all.push(...outcomes);
          expect(resultNotes(outcomes.filter(isWrong))).toBe("");
        },
        LIMIT_MS,
      );
    }
  });
}
