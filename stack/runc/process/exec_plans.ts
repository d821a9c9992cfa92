import { encodePlan } from "#wire/init-pipe/plan_encode.ts";
import { compileExec } from "../spec/exec_compile.ts";
import type { ExecInputs } from "../spec/plan_inputs.ts";
import type { CompiledPlan } from "../spec/plan_parts.ts";

/** A compiled exec, and the bytes that init reads. */
export interface ExecPlan extends CompiledPlan {
  encoded: Buffer;
}

/** A plan with a profile is some 30 kilobytes. */
const MAX_PLANS = 64;

/**
 * The execs that a long-lived process compiled last: a probe runs the same one for ever. An exec is
 * the same if all that its plan is made of is the same; `base` stands for what the container's
 * state says (its spec, its cgroup, its filter).
 */
export class ExecPlans {
  readonly #known = new Map<string, ExecPlan>();

  /** The plan for an exec into a container in the state `base`. Throws what compileExec throws. */
  of(base: string, inputs: ExecInputs): ExecPlan {
    const key = keyOf(base, inputs);
    const plan = this.#known.get(key) ?? planExec(inputs);
    // The one that was asked for last goes last.
    this.#known.delete(key);
    this.#known.set(key, plan);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_PLANS && oldest !== undefined) this.#known.delete(oldest);
    return plan;
  }
}

/** Compiles an exec and lays it out for init. Throws what compileExec and encodePlan throw. */
export function planExec(inputs: ExecInputs): ExecPlan {
  const compiled = compileExec(inputs);
  return { ...compiled, encoded: encodePlan(compiled.plan) };
}

/** Everything of the inputs but what the state or this host settles. */
function keyOf(base: string, inputs: ExecInputs): string {
  const { process, join, fds, preserveFds, noNewKeyring, pidsEscape, initCgroup } = inputs;
  const own = [process, join, fds, preserveFds, noNewKeyring, pidsEscape, initCgroup];
  return `${base} ${JSON.stringify(own)}`;
}
