import type { Slot } from "#wire/init-pipe/operation.ts";
import { CAPABILITIES, RLIMIT_NOFILE, RLIMITS } from "./linux_constants.ts";
import type { PlanBuilder } from "./plan_builder.ts";
import { specError } from "./plan_builder.ts";
import type { HostFacts, SeccompFilter } from "./plan_inputs.ts";
import { compileScheduling } from "./scheduling_compile.ts";
import type { Capabilities, Process } from "./spec_types.ts";

const UNLIMITED = 0xffffffffffffffffn;

/** Limits of resources. In a user namespace only the parent, outside, may raise a hard limit. */
export function compileRlimits(
  plan: PlanBuilder,
  process: Process,
  facts: HostFacts,
  byParent: boolean,
): void {
  const seen = new Set<number>();
  for (const [index, { type, soft, hard }] of (process.rlimits ?? []).entries()) {
    const resource = RLIMITS.indexOf(type as (typeof RLIMITS)[number]);
    if (resource < 0)
      throw specError(`wrong rlimit value: ${type}`, `process.rlimits[${index}].type`);
    seen.add(resource);
    plan.add({ op: "rlimit", resource, soft: limit(soft), hard: limit(hard), byParent });
  }
  // Bun raised our own soft limit; the container gets what our parent had.
  if (facts.nofile && !seen.has(RLIMIT_NOFILE)) {
    plan.add({ op: "rlimit", resource: RLIMIT_NOFILE, ...facts.nofile, byParent, optional: true });
  }
}

/** JSON readers round 2^64-1, which stands for unlimited, up to 2^64. */
function limit(value: number): bigint {
  return value < 0 || value >= Number(UNLIMITED) ? UNLIMITED : BigInt(Math.trunc(value));
}

/** Five masks of a process's capabilities; unknown and unavailable names are warned about. */
export function capabilityMasks(
  plan: PlanBuilder,
  capabilities: Capabilities | undefined,
  facts: HostFacts,
): Record<keyof Capabilities, bigint> {
  const ignored = new Set<string>();
  const mask = (names: readonly string[] | undefined, available: bigint): bigint => {
    let bits = 0n;
    for (const name of names ?? []) {
      const bit = CAPABILITIES.indexOf(name as (typeof CAPABILITIES)[number]);
      const value = bit < 0 ? 0n : 1n << BigInt(bit);
      if ((value & available) === 0n) ignored.add(name);
      else bits |= value;
    }
    return bits;
  };
  const { bounding, permitted } = facts;
  const out = {
    bounding: mask(capabilities?.bounding, bounding),
    effective: mask(capabilities?.effective, permitted),
    permitted: mask(capabilities?.permitted, permitted),
    inheritable: mask(capabilities?.inheritable, bounding),
    ambient: mask(capabilities?.ambient, permitted),
  };
  // Ambient without permitted and inheritable is dropped, as by runc; what is effective without
  // being permitted the kernel refuses.
  out.ambient &= out.permitted & out.inheritable;
  if (ignored.size > 0) {
    plan.warn(`ignoring unknown or unavailable capabilities: [${[...ignored].sort().join(" ")}]`);
  }
  return out;
}

export interface IdentityOptions {
  facts: HostFacts;
  seccomp: SeccompFilter | undefined;
  /** setgroups(2) is denied in the user namespace. */
  setGroups: boolean;
  limitsByParent: boolean;
  /** What later operations still need of what was opened. */
  keep: Slot[];
}

/**
 * From root of the container to the user of the process, in the order that the kernel imposes:
 * bounding set; groups and user with capabilities kept; a filter that needs privilege; the final
 * sets; the working directory.
 */
export function compileIdentity(
  plan: PlanBuilder,
  process: Process,
  options: IdentityOptions,
): void {
  const { user } = process;
  checkIds(user);
  compileScheduling(plan, process);
  compileRlimits(plan, process, options.facts, options.limitsByParent);
  if (process.noNewPrivileges) plan.add({ op: "no-new-privs" });
  plan.add({ op: "stdio-owner", uid: user.uid });
  if (lacksHome(process.env ?? [])) plan.add({ op: "home", uid: user.uid });
  // From here on nothing is looked up in the root by its descriptor, and none may become the cwd.
  plan.add({ op: "close-others", keep: options.keep });
  plan.add({ op: "chdir", path: process.cwd, early: true });
  const masks = capabilityMasks(plan, process.capabilities, options.facts);
  plan.add({ op: "bounding-set", mask: masks.bounding });
  plan.add({
    op: "user",
    uid: user.uid,
    gid: user.gid,
    groups: user.additionalGids ?? [],
    setGroups: options.setGroups,
  });
  if (options.seccomp && !process.noNewPrivileges) compileSeccomp(plan, options.seccomp);
  const { effective, permitted, inheritable, ambient } = masks;
  plan.add({ op: "capabilities", effective, permitted, inheritable, ambient });
  plan.add({ op: "chdir", path: process.cwd, early: false });
}

/** As far as runc goes. The highest of all is "leave it as it is" to setuid(2): root, that is. */
const MAX_ID = 2 ** 31 - 1;

function checkIds({ uid, gid, additionalGids = [] }: Process["user"]): void {
  if ([uid, gid, ...additionalGids].every((id) => id <= MAX_ID)) return;
  const range = `uids and gids must be in range 0-${MAX_ID}`;
  const why = `unable to start container process: unable to setup user: ${range}`;
  throw specError(why, "process.user");
}

function lacksHome(env: readonly string[]): boolean {
  for (const entry of env) if (entry.startsWith("HOME=") && entry !== "HOME=") return false;
  return true;
}

/** Loads a filter. */
export function compileSeccomp(
  plan: PlanBuilder,
  { filter, flags, listener }: SeccompFilter,
): void {
  plan.add({ op: "seccomp", flags, filter, listener });
}
