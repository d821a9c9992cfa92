import { lookUp } from "../spec/name_table.ts";
import { specError } from "../spec/plan_builder.ts";
import type { Seccomp, SeccompRule } from "../spec/spec_seccomp.ts";

/** A seccomp profile in libcontainer's shape: one entry a call name, numbers for names. */
export interface SeccompConfig {
  default_action: number;
  architectures: string[] | null;
  flags?: string[] | null;
  syscalls: SyscallConfig[] | null;
  default_errno_ret: number | null;
  listener_path?: string;
  listener_metadata?: string;
}

interface SyscallConfig {
  name: string;
  action: number;
  errnoRet: number | null;
  args: { index: number; value: number; value_two: number; op: number }[] | null;
}

/** libcontainer's numbers for actions, from 1. Kill and KillThread are the same action twice. */
const ACTIONS = [
  "SCMP_ACT_KILL",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_KILL_PROCESS",
];

const OPERATORS = [
  "SCMP_CMP_EQ",
  "SCMP_CMP_NE",
  "SCMP_CMP_GT",
  "SCMP_CMP_GE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_MASKED_EQ",
];

/** libcontainer's names of architectures, by the specification's. */
const ARCHITECTURES: Record<string, string> = {
  SCMP_ARCH_X86: "x86",
  SCMP_ARCH_X86_64: "amd64",
  SCMP_ARCH_X32: "x32",
  SCMP_ARCH_ARM: "arm",
  SCMP_ARCH_AARCH64: "arm64",
  SCMP_ARCH_MIPS: "mips",
  SCMP_ARCH_MIPS64: "mips64",
  SCMP_ARCH_MIPS64N32: "mips64n32",
  SCMP_ARCH_MIPSEL: "mipsel",
  SCMP_ARCH_MIPSEL64: "mipsel64",
  SCMP_ARCH_MIPSEL64N32: "mipsel64n32",
  SCMP_ARCH_PPC: "ppc",
  SCMP_ARCH_PPC64: "ppc64",
  SCMP_ARCH_PPC64LE: "ppc64le",
  SCMP_ARCH_RISCV64: "riscv64",
  SCMP_ARCH_S390: "s390",
  SCMP_ARCH_S390X: "s390x",
};

const notValid = (name: string, what: string) =>
  specError(`string ${name} is not a valid ${what} for seccomp`, "linux.seccomp");

/** Position in a list of names, from 1. Refuses a name that is not there. */
function numberOf(names: string[], name: string, what: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw notValid(name, what);
  return index + 1;
}

/** The specification's profile in libcontainer's shape. */
export function seccompConfig(profile: Seccomp): SeccompConfig {
  const config: SeccompConfig = {
    default_action: numberOf(ACTIONS, profile.defaultAction, "action"),
    architectures:
      profile.architectures?.map((name) => {
        const known = lookUp(ARCHITECTURES, name);
        if (!known) throw notValid(name, "arch");
        return known;
      }) ?? null,
    flags: profile.flags ?? null,
    syscalls: profile.syscalls?.flatMap(syscallConfigs) ?? null,
    default_errno_ret: profile.defaultErrnoRet ?? null,
  };
  if (profile.listenerPath) config.listener_path = profile.listenerPath;
  if (profile.listenerMetadata) config.listener_metadata = profile.listenerMetadata;
  return config;
}

function syscallConfigs(rule: SeccompRule): SyscallConfig[] {
  const action = numberOf(ACTIONS, rule.action, "action");
  const args =
    rule.args?.map(({ index, value, valueTwo, op }) => ({
      index,
      value: goUint64(value),
      value_two: goUint64(valueTwo ?? 0),
      op: numberOf(OPERATORS, op, "operator"),
    })) ?? [];
  return rule.names.map((name) => ({ name, action, errnoRet: rule.errnoRet ?? null, args }));
}

/**
 * 2^64-1 reads as 2^64, which Go would refuse to read back: the nearest number below it instead.
 */
const goUint64 = (value: number) => (value >= 2 ** 64 ? 2 ** 64 - 2048 : value);

/** The specification's profile of what libcontainer keeps. The inverse of `seccompConfig`. */
export function seccompProfile(config: SeccompConfig): Seccomp {
  const names = Object.entries(ARCHITECTURES);
  const profile: Seccomp = {
    defaultAction: ACTIONS[config.default_action - 1] ?? "SCMP_ACT_KILL",
    architectures: (config.architectures ?? []).map(
      (known) => names.find(([, value]) => value === known)?.[0] ?? known,
    ),
    syscalls: (config.syscalls ?? []).map((entry) => {
      const rule: SeccompRule = { names: [entry.name], action: ACTIONS[entry.action - 1] ?? "" };
      if (entry.errnoRet !== null && entry.errnoRet !== undefined) rule.errnoRet = entry.errnoRet;
      if (entry.args?.length) {
        rule.args = entry.args.map(({ index, value, value_two: valueTwo, op }) => ({
          index,
          value,
          valueTwo,
          op: OPERATORS[op - 1] ?? "",
        }));
      }
      return rule;
    }),
  };
  if (config.flags) profile.flags = config.flags;
  if (config.default_errno_ret !== null && config.default_errno_ret !== undefined) {
    profile.defaultErrnoRet = config.default_errno_ret;
  }
  if (config.listener_path) profile.listenerPath = config.listener_path;
  if (config.listener_metadata) profile.listenerMetadata = config.listener_metadata;
  return profile;
}
