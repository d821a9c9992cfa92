import { NO_SLOT, type Plan, type Slot } from "#wire/init-pipe/operation.ts";
import type { CgroupSlots } from "./cgroup_compile.ts";
import { compileIdentity, compileSeccomp } from "./identity_compile.ts";
import { CLONE_FLAG } from "./linux_constants.ts";
import { compileMemoryPolicy } from "./memory_policy.ts";
import { lookUp } from "./name_table.ts";
import { needsMapTools } from "./namespace_compile.ts";
import { type PlanBuilder, specError } from "./plan_builder.ts";
import type { CreateInputs, ExecInputs, HostFacts, SeccompFilter } from "./plan_inputs.ts";
import { compileExecve, compileFind } from "./program_compile.ts";
import type { Linux, Process } from "./spec_types.ts";

/** A plan, and what its reader should be told although it works. */
export interface CompiledPlan {
  plan: Plan;
  warnings: string[];
}

/** linux/oom.h; the least is its negative. */
const MAX_OOM_SCORE = 1000;
const PERSONALITIES = { LINUX: 0n, LINUX32: 8n } as const;
/**
 * Begins the grandchild stage, charged to the container's cgroup on v2. From inside a user
 * namespace CLONE_INTO_CGROUP would be refused, since the host's cgroup is not its own: there the
 * grandchild joins by a descriptor that the parent opened.
 */
export function compileGrandchild(plan: PlanBuilder, cgroup: CgroupSlots, inUser: boolean): void {
  const { unified, fallback } = cgroup;
  plan.add(
    inUser
      ? { op: "clone-grandchild", cgroup: NO_SLOT, fallback: NO_SLOT }
      : { op: "clone-grandchild", cgroup: unified, fallback },
  );
}

/** What of the inputs the cgroup join takes beside its folders. */
export function escapeOf(inputs: { pidsEscape?: string; initCgroup?: string }) {
  const { pidsEscape, initCgroup } = inputs;
  return { ...(pidsEscape ? { pidsEscape } : {}), ...(initCgroup ? { initCgroup } : {}) };
}

/** The out-of-memory score, before any privilege is given up. */
export function compileOomScore(plan: PlanBuilder, process: Process): void {
  const value = process.oomScoreAdj;
  if (value !== undefined && Math.abs(value) > MAX_OOM_SCORE) {
    const why = `failed to update /proc/self/oom_score_adj: Invalid argument: ${value}`;
    throw specError(why, "process.oomScoreAdj");
  }
  // Lowering it needs CAP_SYS_RESOURCE; without it the value stays as the launcher's own.
  if (value !== undefined) plan.add({ op: "oom-score", value, optional: true });
}

/** Joins the cgroup namespace: last, since from inside it the host's folders are not seen. */
export function compileCgroupNamespace(plan: PlanBuilder, inputs: CreateInputs | ExecInputs): void {
  const fd = inputs.fds.namespaces.cgroup;
  if (fd === undefined) {
    throw specError("namespace cgroup is to be joined but was not opened", "linux.namespaces");
  }
  plan.add({ op: "join-namespace", flag: CLONE_FLAG.cgroup, fd });
}

/** A terminal from the container's devpts, when the process has one. */
export function compileTerminal(
  plan: PlanBuilder,
  inputs: CreateInputs | ExecInputs,
  process: Process,
  mountConsole: boolean,
): void {
  if (!process.terminal) return;
  const socket = inputs.fds.console;
  if (socket === undefined) {
    const why = "cannot allocate tty if runc will detach without setting console socket";
    throw specError(why, "process.terminal");
  }
  const { height = 0, width = 0 } = process.consoleSize ?? {};
  plan.add({ op: "terminal", socket, height, width, mountConsole });
}

/** Refuses a label of SELinux where that is off: the kernel would take it for nothing. */
export function refuseUnknownLabel(process: Process, facts: HostFacts): void {
  if (!process.selinuxLabel || facts.selinux) return;
  const reason = "but selinux is disabled or not supported";
  const why = `selinux label is specified in config, ${reason}`;
  throw specError(why, "process.selinuxLabel");
}

/** Labels that security modules put on the program. */
export function compileLabels(
  plan: PlanBuilder,
  process: Process,
  facts: HostFacts,
  proc: Slot,
): void {
  if (process.apparmorProfile) {
    const file = facts.apparmorFile;
    if (!file) {
      const reason = "apparmor: config provided but apparmor not supported";
      throw specError(`unable to apply apparmor profile: ${reason}`, "process.apparmorProfile");
    }
    plan.add({ op: "label", proc, file, text: `exec ${process.apparmorProfile}` });
  }
  if (process.selinuxLabel && facts.selinux) {
    plan.add({ op: "label", proc, file: "attr/exec", text: process.selinuxLabel });
  }
}

/** The execution domain. */
function compilePersonality(plan: PlanBuilder, linux: Linux | undefined): void {
  const wanted = linux?.personality;
  if (!wanted) return;
  const domain = lookUp(PERSONALITIES, wanted.domain);
  if (domain === undefined) {
    const why = `invalid personality domain: ${wanted.domain}`;
    throw specError(why, "linux.personality.domain");
  }
  if (wanted.flags?.length) {
    throw specError("personality flags are not supported", "linux.personality.flags");
  }
  plan.add({ op: "personality", domain });
}

/** With no_new_privs the filter comes last, so that it need allow nothing but execve. */
export function finishProgram(
  plan: PlanBuilder,
  process: Process,
  late: SeccompFilter | undefined,
): void {
  const loaded = plan.operations.some(({ op }) => op === "seccomp");
  if (late && !loaded) compileSeccomp(plan, late);
  compileExecve(plan, process);
}

/** Whoever is in a user namespace of its own has every capability there, whatever its maker had. */
function inside(facts: HostFacts, inUser: boolean): HostFacts {
  return inUser ? { ...facts, permitted: facts.bounding } : facts;
}

/**
 * Makes the process the program's own: domain, umask, user, limits; and finds the program. Closes
 * all slots but those of `keep`.
 */
export function compileProgram(
  plan: PlanBuilder,
  inputs: CreateInputs | ExecInputs,
  process: Process,
  { inUser, keep }: { inUser: boolean; keep: Slot[] },
): void {
  const { facts, spec, seccomp } = inputs;
  compilePersonality(plan, spec.linux);
  compileMemoryPolicy(plan, spec.linux);
  plan.add({ op: "umask", mask: process.user.umask ?? 0o022 });
  compileIdentity(plan, process, {
    facts: inside(facts, inUser),
    seccomp,
    setGroups: facts.uid === 0 || needsMapTools(spec.linux, facts),
    limitsByParent: inUser,
    keep,
  });
  compileFind(plan, process);
}
