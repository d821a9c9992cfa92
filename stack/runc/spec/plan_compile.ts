import { MESSAGE } from "#wire/init-pipe/layout.ts";
import { NO_SLOT, type Plan, type Slot } from "#wire/init-pipe/operation.ts";
import { compileHostTrees, prepareMount } from "../rootfs/mount_compile.ts";
import {
  compileMasks,
  compileRootEntry,
  compileRootMounts,
  compileRootReadonly,
} from "../rootfs/root_compile.ts";
import { type CgroupSlots, compileCgroupJoin, compileCgroupOpens } from "./cgroup_compile.ts";
import { compileIdentity, compileSeccomp } from "./identity_compile.ts";
import { CLONE_FLAG, O } from "./linux_constants.ts";
import { compileJoins, compileUnshare, joinOrder, namespaceWishes } from "./namespace_compile.ts";
import { PlanBuilder, specError } from "./plan_builder.ts";
import type { CreateInputs, ExecInputs, SeccompFilter } from "./plan_inputs.ts";
import { compileExecve, compileFind, compileHooks } from "./program_compile.ts";
import type { Linux, Process } from "./spec_types.ts";
import { compileSysctls } from "./sysctl_compile.ts";

/** A plan, and what its reader should be told although it works. */
export interface CompiledPlan {
  plan: Plan;
  warnings: string[];
}

const PERSONALITIES = { LINUX: 0n, LINUX32: 8n } as const;
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
  const process = required(spec.process);
  const wishes = namespaceWishes(spec.linux);
  const newUser = wishes.created.has("user");
  const inUser = newUser || wishes.joined.has("user");
  const plan = new PlanBuilder();
  plan.add({ op: "protect", keep: inputs.preserveFds });
  compileOomScore(plan, process);
  const cgroup = compileCgroupOpens(plan, inputs.cgroup, escapeOf(inputs));
  const fifo = plan.open(inputs.execFifo, O.PATH);
  const mounts = (spec.mounts ?? []).map(prepareMount);
  const trees = compileHostTrees(plan, inputs, mounts, inUser);

  plan.add({ op: "clone-child" });
  compileJoins(plan, joinOrder(wishes.joined, facts), inputs.fds);
  compileUnshare(plan, inputs, wishes);

  compileGrandchild(plan, cgroup, inUser);
  plan.add({ op: "new-session" });
  compileCgroupJoin(plan, cgroup);
  if (wishes.joined.has("cgroup")) compileCgroupNamespace(plan, inputs);
  else if (wishes.created.has("cgroup")) plan.add({ op: "unshare", flags: CLONE_FLAG.cgroup });
  if (!inputs.noNewKeyring) {
    const permissions = inUser ? KEYRING_SEARCH_OTHER : KEYRING_SEARCH_USER;
    plan.add({ op: "keyring", name: `_ses.${inputs.id}`, permissions });
  }
  const proc = plan.slot();
  plan.add({ op: "open-proc", slot: proc });
  compileRootMounts(plan, inputs, mounts, trees, inUser);
  plan.add({ op: "sync", message: MESSAGE.namespaces });
  compileHooks(plan, inputs, "createContainer");
  compileRootEntry(plan, inputs, mounts);
  compileTerminal(plan, inputs, process, wishes.created.has("mount"));
  compileRootReadonly(plan, inputs, mounts);
  if (spec.hostname) plan.add({ op: "hostname", name: spec.hostname });
  if (spec.domainname) plan.add({ op: "domainname", name: spec.domainname });
  compileSysctls(plan, spec.linux, proc, wishes);
  compileMasks(plan, inputs);
  compileLabels(plan, process, facts.apparmorFile, proc);
  compilePersonality(plan, spec.linux);
  plan.add({ op: "umask", mask: process.user.umask ?? 0o022 });
  const setGroups = facts.uid === 0;
  const { seccomp } = inputs;
  compileIdentity(plan, process, { facts, seccomp, setGroups, limitsByParent: inUser });
  compileFind(plan, process);
  const late = process.noNewPrivileges ? seccomp : undefined;
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

/** Compiles an exec: joins a running container and runs one more program in it. */
export function compileExec(inputs: ExecInputs): CompiledPlan {
  const { process, facts, spec, fds } = inputs;
  const inUser = inputs.join.includes("user");
  const plan = new PlanBuilder();
  plan.add({ op: "protect", keep: inputs.preserveFds });
  compileOomScore(plan, process);
  const cgroup = compileCgroupOpens(plan, inputs.cgroup, escapeOf(inputs));

  plan.add({ op: "clone-child" });
  compileJoins(plan, joinOrder(inputs.join, facts), fds);

  compileGrandchild(plan, cgroup, inUser);
  plan.add({ op: "new-session" });
  compileCgroupJoin(plan, cgroup);
  if (inputs.join.includes("cgroup")) compileCgroupNamespace(plan, inputs);
  plan.add({ op: "keyring", name: `_ses.${inputs.id}`, permissions: 0 });
  if (fds.root !== undefined) plan.add({ op: "join-root", fd: fds.root });
  plan.add({ op: "root-current" });
  compileTerminal(plan, inputs, process, false);
  if (process.apparmorProfile || process.selinuxLabel) {
    const proc = plan.slot();
    plan.add({ op: "open-proc", slot: proc });
    compileLabels(plan, process, facts.apparmorFile, proc);
  }
  compilePersonality(plan, spec.linux);
  plan.add({ op: "umask", mask: process.user.umask ?? 0o022 });
  const setGroups = facts.uid === 0;
  const { seccomp } = inputs;
  compileIdentity(plan, process, { facts, seccomp, setGroups, limitsByParent: inUser });
  compileFind(plan, process);
  finishProgram(plan, process, process.noNewPrivileges ? seccomp : undefined);
  return { plan: plan.finish(facts.clockWithoutSyscall), warnings: plan.warnings };
}

/**
 * The child is in the container's user namespace by now, where the host's cgroup is not its own:
 * CLONE_INTO_CGROUP would be refused. The grandchild joins by the descriptor that the parent opened.
 */
function compileGrandchild(plan: PlanBuilder, cgroup: CgroupSlots, inUser: boolean): void {
  const { unified, fallback } = cgroup;
  plan.add(
    inUser
      ? { op: "clone-grandchild", cgroup: NO_SLOT, fallback: NO_SLOT }
      : { op: "clone-grandchild", cgroup: unified, fallback },
  );
}

function required(process: Process | undefined): Process {
  if (!process) throw specError("process property must not be empty");
  return process;
}

function escapeOf(inputs: { pidsEscape?: string; initCgroup?: string }) {
  const { pidsEscape, initCgroup } = inputs;
  return { ...(pidsEscape ? { pidsEscape } : {}), ...(initCgroup ? { initCgroup } : {}) };
}

function compileOomScore(plan: PlanBuilder, process: Process): void {
  const value = process.oomScoreAdj;
  // Lowering it needs CAP_SYS_RESOURCE; without it the value stays as the launcher's own.
  if (value !== undefined) plan.add({ op: "oom-score", value, optional: true });
}

function compileCgroupNamespace(plan: PlanBuilder, inputs: CreateInputs | ExecInputs): void {
  const fd = inputs.fds.namespaces.cgroup;
  if (fd === undefined) throw specError("namespace cgroup is to be joined but was not opened");
  plan.add({ op: "join-namespace", flag: CLONE_FLAG.cgroup, fd });
}

function compileTerminal(
  plan: PlanBuilder,
  inputs: CreateInputs | ExecInputs,
  process: Process,
  mountConsole: boolean,
): void {
  if (!process.terminal) return;
  const socket = inputs.fds.console;
  if (socket === undefined) {
    throw specError("cannot allocate tty if runc will detach without setting console socket");
  }
  const { height = 0, width = 0 } = process.consoleSize ?? {};
  plan.add({ op: "terminal", socket, height, width, mountConsole });
}

function compileLabels(plan: PlanBuilder, process: Process, file: string, proc: Slot): void {
  if (process.apparmorProfile) {
    const text = `exec ${process.apparmorProfile}`;
    plan.add({ op: "label", proc, file, text });
  }
  if (process.selinuxLabel) {
    plan.add({ op: "label", proc, file: "attr/exec", text: process.selinuxLabel });
  }
}

function compilePersonality(plan: PlanBuilder, linux: Linux | undefined): void {
  const wanted = linux?.personality;
  if (!wanted) return;
  const domain = PERSONALITIES[wanted.domain];
  if (domain === undefined) throw specError(`invalid personality domain: ${wanted.domain}`);
  if (wanted.flags?.length) throw specError("personality flags are not supported");
  plan.add({ op: "personality", domain });
}

/** With no_new_privs the filter comes last, so that it need allow nothing but execve. */
function finishProgram(plan: PlanBuilder, process: Process, late: SeccompFilter | undefined): void {
  const loaded = plan.operations.some(({ op }) => op === "seccomp");
  if (late && !loaded) compileSeccomp(plan, late);
  compileExecve(plan, process);
}
