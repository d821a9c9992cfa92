import { ChainError } from "#lib/errors/chain_error.ts";
import { lookUp } from "../spec/name_table.ts";
import type { Seccomp, SeccompArgument } from "../spec/spec_seccomp.ts";
import { cachedFilter } from "./filter_cache.ts";
import { type LibraryRule, seccompLibrary } from "./seccomp_library.ts";
import {
  ACTIONS,
  ARCHITECTURES,
  FILTER_FLAGS,
  NUMBERED_ACTIONS,
  nativeArchitecture,
  OPERATORS,
} from "./seccomp_names.ts";
import { unknownCallsPrelude } from "./unknown_calls.ts";

/** A compiled profile: classic BPF as the kernel takes it. */
export interface CompiledFilter {
  filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* bits. */
  flags: number;
  /** The profile notifies a listener. */
  listener: boolean;
}

const EPERM = 1;
const ENOSYS = 38;
const MAX_U64 = 2n ** 64n - 1n;

const wrong = (message: string) =>
  new ChainError([
    {
      layer: "runc",
      op: "compile seccomp profile",
      code: "invalid_argument",
      message,
      evidence: [{ kind: "path", value: "linux.seccomp", ref: "config.json" }],
    },
  ]);

/** An action's number, with its errno (EPERM unless said otherwise) where it takes one. */
function actionNumber(name: string, errno: number | undefined): number {
  const base = lookUp(ACTIONS, name);
  if (base === undefined) throw wrong(`string ${name} is not a valid action for seccomp`);
  if (!NUMBERED_ACTIONS.has(name)) return base;
  return base | ((errno ?? EPERM) & 0xffff);
}

/** JSON numbers above 2^53 are rounded; what rounds to 2^64 was the largest there is. */
function exact(value: number): bigint {
  const big = BigInt(Math.trunc(value));
  return big < 0n ? BigInt.asUintN(64, big) : big > MAX_U64 ? MAX_U64 : big;
}

function comparison(argument: SeccompArgument): (number | bigint)[] {
  const operator = lookUp(OPERATORS, argument.op);
  if (operator === undefined) {
    throw wrong(`string ${argument.op} is not a valid operator for seccomp`);
  }
  const { index, value, valueTwo } = argument;
  return [index, operator, exact(value), exact(valueTwo ?? 0)];
}

/**
 * The rules as the library takes them. Those that repeat the default action are left out, as it
 * refuses them. Several comparisons of one argument cannot stand in one rule: they become
 * alternatives, as in runc.
 */
function libraryRules(profile: Seccomp, defaultAction: number): LibraryRule[] {
  const rules: LibraryRule[] = [];
  for (const rule of profile.syscalls ?? []) {
    const action = actionNumber(rule.action, rule.errnoRet);
    if (action === defaultAction) continue;
    const args = rule.args ?? [];
    const repeated = new Set(args.map(({ index }) => index)).size < args.length;
    const variants = repeated
      ? args.map((argument) => comparison(argument))
      : [args.flatMap((argument) => comparison(argument))];
    for (const name of rule.names) {
      for (const comparisons of variants) rules.push([name, action, comparisons]);
    }
  }
  return rules;
}

function architectureTokens(profile: Seccomp): number[] {
  const names = new Set([nativeArchitecture(), ...(profile.architectures ?? [])]);
  return [...names].map((name) => {
    const token = lookUp(ARCHITECTURES, name);
    if (token === undefined) throw wrong(`string ${name} is not a valid arch for seccomp`);
    return token;
  });
}

/** The highest call number that a profile names, by architecture. */
function highestCalls(profile: Seccomp, tokens: number[]): Map<number, number> {
  const library = seccompLibrary();
  const names = new Set((profile.syscalls ?? []).flatMap((rule) => rule.names));
  const highest = new Map<number, number>();
  for (const token of tokens) {
    let most = -1;
    for (const name of names) {
      const number = library.resolve(token, name) & ~0x40000000;
      if (number > most && number < 0x10000) most = number;
    }
    highest.set(token, most);
  }
  return highest;
}

/**
 * Whether calls newer than the profile need ENOSYS: not where they are allowed, or get it anyway.
 */
function needsPrelude(profile: Seccomp): boolean {
  const { defaultAction, defaultErrnoRet } = profile;
  if (["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(defaultAction)) return false;
  return !(defaultAction === "SCMP_ACT_ERRNO" && defaultErrnoRet === ENOSYS);
}

function filterFlags(profile: Seccomp): number {
  // Without SPEC_ALLOW older kernels switch a mitigation on that costs every program speed.
  if (!profile.flags?.length) return FILTER_FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]!;
  return profile.flags.reduce((bits, name) => {
    const bit = lookUp(FILTER_FLAGS, name);
    if (bit === undefined) throw wrong(`seccomp flags ${name} not yet supported`);
    // All threads at once is what a program of one thread has anyway, and it excludes a listener.
    return name === "SECCOMP_FILTER_FLAG_TSYNC" ? bits : bits | bit;
  }, 0);
}

function notifies(profile: Seccomp): boolean {
  if (profile.defaultAction === "SCMP_ACT_NOTIFY") {
    throw wrong("SCMP_ACT_NOTIFY cannot be used as default action");
  }
  let found = false;
  for (const rule of profile.syscalls ?? []) {
    if (rule.action !== "SCMP_ACT_NOTIFY") continue;
    // The program that waits for the listener would have to write its descriptor through it.
    if (rule.names.includes("write")) {
      throw wrong("SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
    found = true;
  }
  if (found && !profile.listenerPath) {
    throw wrong("seccomp listenerPath must be set when SCMP_ACT_NOTIFY is used");
  }
  return found;
}

function compile(profile: Seccomp): Buffer {
  const defaultAction = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
  const tokens = architectureTokens(profile);
  const rules = libraryRules(profile, defaultAction);
  let body: Buffer;
  try {
    body = seccompLibrary().compile(defaultAction, tokens, rules, true);
  } catch (error) {
    throw wrong(`error adding seccomp filter: ${(error as Error).message}`);
  }
  if (!needsPrelude(profile)) return body;
  return Buffer.concat([unknownCallsPrelude(highestCalls(profile, tokens)), body]);
}

/**
 * Compiles a profile of the specification. With `stateDir`, a container's state folder, the result
 * is kept by the profile's digest for every container of that `--root`, and for this container's
 * execs alone where others may write to the root.
 */
export function seccompFilter(profile: Seccomp, stateDir?: string): CompiledFilter {
  const listener = notifies(profile);
  const flags = filterFlags(profile);
  const root = stateDir?.slice(0, stateDir.lastIndexOf("/"));
  const folders = stateDir && root ? [root, stateDir] : [];
  return { filter: cachedFilter(profile, folders, compile), flags, listener };
}
