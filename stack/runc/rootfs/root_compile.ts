import { cleanPath } from "#lib/linux/path.ts";
import { MS } from "../spec/linux_constants.ts";
import { type PlanBuilder, specError } from "../spec/plan_builder.ts";
import type { CreateInputs } from "../spec/plan_inputs.ts";
import { compileDevices } from "./device_compile.ts";
import { compileMount, isRemountedLate, type PreparedMount } from "./mount_compile.ts";
import { propagationFlags } from "./mount_options.ts";

/** What of the root is compiled before the hooks of the runtime's side run: everything mounted. */
export function compileRootMounts(
  plan: PlanBuilder,
  inputs: CreateInputs,
  mounts: readonly PreparedMount[],
  trees: Map<PreparedMount, number>,
  userNamespace: boolean,
): void {
  if (hasMountNamespace(inputs)) {
    const flags = rootPropagation(inputs);
    plan.add({ op: "propagation", path: "/", flags: flagsBeforeEntry(flags) });
    const { rootMount } = inputs.facts;
    if (rootMount && (rootMount.shared || (flags & MS.SHARED) !== 0)) {
      plan.add({ op: "propagation", path: rootMount.path, flags: MS.PRIVATE });
    }
    plan.add({ op: "root-bind", path: inputs.rootfs });
  } else {
    plan.add({ op: "root-open", path: inputs.rootfs });
    if (mounts.length > 0) {
      throw specError("mounts need a mount namespace: add one to linux.namespaces", "mounts");
    }
    return;
  }
  for (const mount of mounts) compileMount(plan, inputs, mount, trees.get(mount));
  if (hasOwnDev(mounts)) compileDevices(plan, inputs, userNamespace);
}

/** Entering the root, and what is done to it from inside. */
export function compileRootEntry(
  plan: PlanBuilder,
  inputs: CreateInputs,
  mounts: readonly PreparedMount[],
): void {
  if (!hasMountNamespace(inputs)) plan.add({ op: "change-root" });
  else if (inputs.noPivot) {
    for (const path of inputs.facts.pseudoMounts) plan.add({ op: "uncover", path });
    plan.add({ op: "move-root" });
  } else plan.add({ op: "pivot-root" });
  if (hasMountNamespace(inputs)) {
    const late = rootPropagation(inputs) & (MS.SHARED | MS.UNBINDABLE);
    if (late !== 0) plan.add({ op: "propagation", path: "/", flags: late });
    if (hasOwnDev(mounts)) plan.add({ op: "reopen-null" });
  }
  const cwd = inputs.spec.process?.cwd;
  if (cwd) plan.add({ op: "mkdir", path: cleanPath(cwd), mode: 0o755 });
}

/** Read-only at last: tmpfs that was filled, then the root itself. */
export function compileRootReadonly(
  plan: PlanBuilder,
  inputs: CreateInputs,
  mounts: readonly PreparedMount[],
): void {
  for (const mount of mounts) {
    if (isRemountedLate(mount)) {
      plan.add({ op: "remount-readonly", target: mount.destination });
    }
  }
  if (inputs.spec.root?.readonly) plan.add({ op: "remount-readonly", target: "/" });
}

/** Paths that are hidden or made read-only. */
export function compileMasks(plan: PlanBuilder, inputs: CreateInputs): void {
  const { readonlyPaths = [], maskedPaths = [] } = inputs.spec.linux ?? {};
  if (readonlyPaths.length + maskedPaths.length > 0 && !hasMountNamespace(inputs)) {
    const at = maskedPaths.length > 0 ? "linux.maskedPaths" : "linux.readonlyPaths";
    throw specError("unable to restrict sys entries without a private MNT namespace", at);
  }
  for (const path of readonlyPaths) plan.add({ op: "readonly-path", path });
  for (const path of maskedPaths) plan.add({ op: "mask", path });
}

function rootPropagation(inputs: CreateInputs): number {
  const name = inputs.spec.linux?.rootfsPropagation;
  if (!name) return MS.SLAVE | MS.REC;
  const flags = propagationFlags(name);
  if (flags === undefined) {
    throw specError(`rootfsPropagation=${name} is not supported`, "linux.rootfsPropagation");
  }
  return flags;
}

/** What is unbindable could not be bound as a root: it becomes so once it is entered. */
function flagsBeforeEntry(flags: number): number {
  if ((flags & MS.UNBINDABLE) === 0) return flags;
  return (flags & ~MS.UNBINDABLE) | MS.PRIVATE;
}

function hasOwnDev(mounts: readonly PreparedMount[]): boolean {
  return !mounts.some(({ isBind, destination }) => isBind && destination === "/dev");
}

function hasMountNamespace(inputs: CreateInputs): boolean {
  return (inputs.spec.linux?.namespaces ?? []).some(({ type }) => type === "mount");
}
