import { O } from "#lib/linux/open_flag.ts";
import { MESSAGE } from "#wire/init-pipe/layout.ts";
import { compileHostTrees, prepareMount } from "../rootfs/mount_compile.ts";
import {
  compileMasks,
  compileRootEntry,
  compileRootMounts,
  compileRootReadonly,
} from "../rootfs/root_compile.ts";
import { compileCgroupJoin, compileCgroupOpens } from "./cgroup_compile.ts";
import { compileSeccomp } from "./identity_compile.ts";
import { CLONE_FLAG } from "./linux_constants.ts";
import { refuseUnsupported } from "./memory_policy.ts";
import {
  compileJoins,
  compileNames,
  compileUnshare,
  joinOrder,
  namespaceWishes,
} from "./namespace_compile.ts";
import { compileNetwork } from "./network_compile.ts";
import { PlanBuilder, specError } from "./plan_builder.ts";
import type { CreateInputs, HostFacts } from "./plan_inputs.ts";
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
import { compileHooks } from "./program_compile.ts";
import type { Process } from "./spec_types.ts";
import { compileSysctls } from "./sysctl_compile.ts";

/** Search permission on the session keyring: for others in a user namespace, else for the user. */
const KEYRING_SEARCH_OTHER = 0x8;
const KEYRING_SEARCH_USER = 0x80000;

/**
 * Compiles a container's creation: from the launcher's namespaces to a process that waits for
 * `start` and then runs the program. A pure function: throws a ChainError (invalid_argument) for a
 * spec that cannot be performed.
 */
export function compileCreate(inputs: CreateInputs): CompiledPlan {
  const { spec, facts } = inputs;
  const process = required(spec.process, facts);
  refuseUnsupported(spec.linux);
  const wishes = namespaceWishes(spec.linux, inputs.ownNamespaces);
  const newUser = wishes.created.has("user");
  const inUser = newUser || wishes.joined.has("user");
  const plan = new PlanBuilder();
  plan.add({ op: "protect", keep: inputs.preserveFds });
  compileOomScore(plan, process);
  const cgroup = compileCgroupOpens(plan, inputs.cgroup, escapeOf(inputs));
  const fifo = plan.open(inputs.execFifo, O.PATH);
  const mounts = (spec.mounts ?? []).map(prepareMount);
  // A caller without privilege has some only inside: it binds there, by path.
  const trees = compileHostTrees(plan, inputs, mounts, inUser && facts.uid === 0);

  plan.add({ op: "clone-child" });
  compileJoins(plan, joinOrder(wishes.joined, facts), inputs.fds);
  compileUnshare(plan, inputs, wishes);

  compileGrandchild(plan, cgroup, inUser);
  plan.add({ op: "new-session" });
  compileCgroupJoin(plan, cgroup);
  const ahead = goesAhead(inputs);
  if (ahead) plan.add({ op: "tell", message: MESSAGE.namespaces });
  if (wishes.joined.has("cgroup")) compileCgroupNamespace(plan, inputs);
  else if (wishes.created.has("cgroup")) plan.add({ op: "unshare", flags: CLONE_FLAG.cgroup });
  if (!inputs.noNewKeyring) {
    const permissions = inUser ? KEYRING_SEARCH_OTHER : KEYRING_SEARCH_USER;
    plan.add({ op: "keyring", name: `_ses.${inputs.id}`, permissions });
  }
  compileNetwork(plan, inputs, wishes);
  const proc = plan.slot();
  plan.add({ op: "open-proc", slot: proc });
  compileRootMounts(plan, inputs, mounts, trees, inUser);
  if (!ahead) plan.add({ op: "sync", message: MESSAGE.namespaces });
  compileHooks(plan, inputs, "createContainer");
  compileRootEntry(plan, inputs, mounts);
  compileTerminal(plan, inputs, process, wishes.created.has("mount"));
  compileRootReadonly(plan, inputs, mounts);
  compileNames(plan, spec, wishes);
  compileSysctls(plan, spec.linux, proc, wishes);
  compileMasks(plan, inputs);
  compileLabels(plan, process, facts, proc);
  // Before a filter that might forbid it.
  if (ahead) plan.add({ op: "await-go" });
  compileProgram(plan, inputs, process, { inUser, keep: [proc, fifo] });
  const late = process.noNewPrivileges ? inputs.seccomp : undefined;
  // The listener's descriptor can be handed out only while the init pipe is open.
  if (late?.listener) compileSeccomp(plan, late);
  plan.add({ op: "hand-over", keep: [proc, fifo] });
  plan.add({ op: "wait-start", proc, fifo });
  // As under runc, these hooks are bound by the filter too; without any, it comes last of all.
  if (late && !late.listener && inputs.spec.hooks?.startContainer?.length) {
    compileSeccomp(plan, late);
  }
  compileHooks(plan, inputs, "startContainer");
  finishProgram(plan, process, late);
  return { plan: plan.finish(facts.clockWithoutSyscall), warnings: plan.warnings };
}

/**
 * Whether the root may be built while the launcher still saves the state: nothing of it is run from
 * outside, and no other message, whose answer might be taken for this one's, is under way.
 */
function goesAhead({ spec, seccomp }: CreateInputs): boolean {
  const { prestart, createRuntime, createContainer } = spec.hooks ?? {};
  const hooks = [prestart, createRuntime, createContainer].some((some) => some?.length);
  return !hooks && !seccomp?.listener;
}

function required(process: Process | undefined, facts: HostFacts): Process {
  if (!process) throw specError("process property must not be empty", "process");
  refuseUnknownLabel(process, facts);
  return process;
}
