import { Sandbox } from "../lib/sandbox.ts";
import { FEATURES } from "./features.ts";
import { resultNotes, resultTable } from "./harness/result_table.ts";
import { type CasePlan, type Outcome, runCases } from "./harness/run_cases.ts";
import { runtimesUnderTest } from "./harness/runtime_under_test.ts";

/** What is to be run: options name runtimes (--runc), words are parts of cases' names. */
function plansOf(argv: string[], sandbox: Sandbox): CasePlan[] {
  const only = argv.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
  const words = argv.filter((word) => !word.startsWith("--"));
  const runtimes = runtimesUnderTest(sandbox, only);
  return FEATURES.flatMap((feature) =>
    feature.cases
      .filter(({ name }) => {
        const whole = `${feature.name}: ${name}`;
        return words.length === 0 || words.some((word) => whole.includes(word));
      })
      .flatMap((one) => runtimes.map((runtime) => ({ feature, one, runtime }))),
  );
}

async function main(argv: string[]): Promise<number> {
  const sandbox = new Sandbox();
  let outcomes: Outcome[];
  try {
    outcomes = await runCases(plansOf(argv, sandbox), sandbox, (outcome) => {
      if (outcome.kind !== "passed") console.log(resultNotes([outcome]));
    });
  } finally {
    await sandbox.close();
  }
  console.log(`\n${resultTable(outcomes)}`);
  const wrong = outcomes.filter(({ kind }) => kind === "failed" || kind === "surprise");
  return wrong.length === 0 && outcomes.length > 0 ? 0 : 1;
}

main(process.argv.slice(2)).then((code) => process.exit(code));
