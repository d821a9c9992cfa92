import type { Sandbox } from "../../lib/sandbox.ts";
import type { ConformanceCase, Feature } from "./case_types.ts";
import type { RuntimeUnderTest } from "./runtime_under_test.ts";
import { Trial } from "./trial.ts";

/** What came of a case on a runtime, and the text that says why. */
export interface Outcome {
  feature: string;
  name: string;
  runtime: RuntimeUnderTest["name"];
  /** `differs`: it failed, as was declared. `surprise`: it passed although it was not to. */
  kind: "passed" | "failed" | "differs" | "surprise" | "skipped";
  reason: string;
}

/** No case is to take longer unless it says so, whatever hangs. */
const CASE_LIMIT_MS = 60_000;

/** Most of a case is waiting for processes to end. */
const WIDTH = 4;

export interface CasePlan {
  feature: Feature;
  one: ConformanceCase;
  runtime: RuntimeUnderTest;
}

/** Runs cases, some at once. `onOutcome` is told of each as it is done. Never rejects. */
export async function runCases(
  plans: readonly CasePlan[],
  sandbox: Sandbox,
  onOutcome: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const worker = async () => {
    while (next < plans.length) {
      const at = next++;
      const { feature, one, runtime } = plans[at]!;
      const outcome = await runCase(feature, one, runtime, sandbox);
      outcomes[at] = outcome;
      onOutcome(outcome);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  return outcomes;
}

/** Runs one case on one runtime and cleans up after it. Never rejects. */
async function runCase(
  feature: Feature,
  one: ConformanceCase,
  runtime: RuntimeUnderTest,
  sandbox: Sandbox,
): Promise<Outcome> {
  const { name, differs, unjudged, skip } = one;
  const outcome = (kind: Outcome["kind"], reason: string): Outcome => ({
    feature: feature.name,
    name,
    runtime: runtime.name,
    kind,
    reason,
  });
  const skipped = skip?.();
  if (skipped) return outcome("skipped", skipped);
  const expected = differs?.[runtime.name];
  const error = await failureOf(one, runtime, sandbox);
  const chance = unjudged?.[runtime.name];
  if (chance) return outcome(error === undefined ? "passed" : "differs", chance);
  if (error === undefined) {
    return expected ? outcome("surprise", `declared: ${expected}`) : outcome("passed", "");
  }
  return expected ? outcome("differs", expected) : outcome("failed", error);
}

async function failureOf(
  { run, limitMs }: ConformanceCase,
  runtime: RuntimeUnderTest,
  sandbox: Sandbox,
): Promise<string | undefined> {
  const trial = new Trial(runtime, sandbox);
  try {
    await within(run(trial), limitMs ?? CASE_LIMIT_MS);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await trial.close();
  }
}

async function within(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`not done after ${limitMs / 1000} s`);
    timer = setTimeout(reject, limitMs, error);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
