import { compileCgroupJoin, compileCgroupOpens } from "./cgroup_compile.ts";
import { compileJoins, joinOrder } from "./namespace_compile.ts";
import { PlanBuilder } from "./plan_builder.ts";
import type { ExecInputs } from "./plan_inputs.ts";
import {
  type CompiledPlan,
  compileCgroupNamespace,
  compileGrandchild,
  compileLabels,
  compileOomScore,
  compileProgram,
  compileTerminal,
  escapeOf,
  finishProgram,
  refuseUnknownLabel,
} from "./plan_parts.ts";
import { cpuMask } from "./scheduling_compile.ts";

/** Compiles an exec: joins a running container and runs one more program in it. */
export function compileExec(inputs: ExecInputs): CompiledPlan {
  const { process, facts, fds } = inputs;
  refuseUnknownLabel(process, facts);
  const inUser = inputs.join.includes("user");
  const plan = new PlanBuilder();
  plan.add({ op: "protect", keep: inputs.preserveFds });
  const { initial } = process.execCPUAffinity ?? {};
  if (initial)
    plan.add({ op: "cpu-affinity", mask: cpuMask(initial, "process.execCPUAffinity.initial") });
  compileOomScore(plan, process);
  const cgroup = compileCgroupOpens(plan, inputs.cgroup, escapeOf(inputs));

  plan.add({ op: "clone-child" });
  // Root joins the user namespace after it was charged: from inside, CLONE_INTO_CGROUP is refused.
  const order = joinOrder(inputs.join, facts);
  const late = facts.uid === 0 && inUser ? order.splice(order.indexOf("user"), 1) : [];
  compileJoins(plan, order, fds);

  compileGrandchild(plan, cgroup, inUser && late.length === 0);
  plan.add({ op: "new-session" });
  compileCgroupJoin(plan, cgroup);
  compileJoins(plan, late, fds);
  if (inputs.join.includes("cgroup")) compileCgroupNamespace(plan, inputs);
  if (!inputs.noNewKeyring) {
    plan.add({ op: "keyring", name: `_ses.${inputs.id}`, permissions: 0 });
  }
  if (fds.root !== undefined) plan.add({ op: "join-root", fd: fds.root });
  plan.add({ op: "root-current" });
  compileTerminal(plan, inputs, process, false);
  if (process.apparmorProfile || process.selinuxLabel) {
    const proc = plan.slot();
    plan.add({ op: "open-proc", slot: proc });
    compileLabels(plan, process, facts, proc);
  }
  compileProgram(plan, inputs, process, { inUser, keep: [] });
  finishProgram(plan, process, process.noNewPrivileges ? inputs.seccomp : undefined);
  return { plan: plan.finish(facts.clockWithoutSyscall), warnings: plan.warnings };
}
