import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

export const healthTimeout: CauseRule = {
  id: "health-timeout",
  title: "the health check does not end within its time",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    const last = inspect?.healthLog.at(-1);
    // -1 is Docker's mark for a check that it had to end; a check that fails has its own code.
    if (!inspect?.running || !last || last.exitCode !== -1 || !inspect.healthcheck)
      return undefined;
    const test = inspect.healthcheck.test.slice(1).join(" ");
    const seconds = (inspect.healthcheck.timeoutNs || 30e9) / 1e9;
    return {
      confidence: "certain",
      sentence: `the health check \`${test}\` did not end within ${seconds} s`,
      evidence: [
        { kind: "exit", value: `ExitCode -1 at ${last.start}`, ref: "State.Health.Log" },
        { kind: "log", value: last.output, ref: "State.Health.Log" },
      ],
      fix: [
        "# make the check end sooner (a time-out in the command itself), or raise --health-timeout",
      ],
      verify: [`time ${dockerCommand(facts)} exec ${nameOf(facts)} ${test}`],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect) return undefined;
    if (!inspect.healthcheck) return "it has no health check";
    const last = inspect.healthLog.at(-1);
    return last && last.exitCode >= 0 ? "its last health check ended in time" : undefined;
  },
};
