import { invalid } from "../refusals.ts";
import type { OciSeccomp, OciSeccompArg, OciSeccompRule } from "./oci_types.ts";

/** Docker's profile format: OCI's, with conditions on capabilities, processor and kernel. */
interface ProfileRule {
  names?: string[];
  /** Older profiles name one system call a rule. */
  name?: string;
  action: string;
  errnoRet?: number;
  args?: OciSeccompArg[] | null;
  includes?: Condition | null;
  excludes?: Condition | null;
}

interface Condition {
  caps?: string[];
  arches?: string[];
  minKernel?: string;
}

interface Profile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures?: string[] | null }[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: ProfileRule[];
}

const GO_ARCH: Record<string, string> = { x64: "amd64", arm64: "arm64", ia32: "x86" };
const SCMP_ARCH: Record<string, string> = {
  x64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
  ia32: "SCMP_ARCH_X86",
};

/**
 * Reads a profile as `--security-opt seccomp=…` carries it (the CLI sends the file's content), and
 * keeps the rules whose conditions hold. Throws when it is not a profile.
 */
export function parseSeccompProfile(
  text: string,
  capabilities: readonly string[],
  kernel: readonly [number, number],
  arch: string = process.arch,
): OciSeccomp {
  const profile = parse(text);
  const holds = (c: Condition) =>
    (c.caps ?? []).every((cap) => capabilities.includes(cap)) &&
    (!c.arches?.length || c.arches.includes(GO_ARCH[arch] ?? arch)) &&
    (!c.minKernel || !older(kernel, c.minKernel));
  const excluded = (c: Condition) =>
    (c.caps ?? []).some((cap) => capabilities.includes(cap)) ||
    (c.arches ?? []).includes(GO_ARCH[arch] ?? arch) ||
    (c.minKernel !== undefined && !older(kernel, c.minKernel));
  const syscalls: OciSeccompRule[] = [];
  for (const rule of profile.syscalls ?? []) {
    if (rule.includes && !holds(rule.includes)) continue;
    if (rule.excludes && excluded(rule.excludes)) continue;
    syscalls.push(plainRule(rule));
  }
  const out: OciSeccomp = { defaultAction: profile.defaultAction, syscalls };
  const architectures = profile.archMap ? mapped(profile, arch) : profile.architectures;
  if (architectures) out.architectures = architectures;
  for (const key of ["defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"] as const) {
    if (profile[key] !== undefined) Object.assign(out, { [key]: profile[key] });
  }
  return out;
}

function parse(text: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
  const profile = value as Profile;
  if (typeof profile !== "object" || profile === null) throw bad("not an object");
  if (typeof profile.defaultAction !== "string") throw bad("defaultAction is missing");
  if (profile.syscalls && !Array.isArray(profile.syscalls)) throw bad("syscalls is not an array");
  if (profile.architectures?.length && profile.archMap?.length) {
    throw bad("both 'architectures' and 'archMap' are specified in the seccomp profile");
  }
  return profile;
}

function plainRule(rule: ProfileRule): OciSeccompRule {
  const names = rule.names ?? (rule.name ? [rule.name] : []);
  if (typeof rule.action !== "string" || !names.every((name) => typeof name === "string")) {
    throw bad("a rule without action or names");
  }
  const out: OciSeccompRule = { names, action: rule.action };
  if (rule.errnoRet !== undefined) out.errnoRet = rule.errnoRet;
  if (rule.args?.length) out.args = rule.args;
  return out;
}

function mapped(profile: Profile, arch: string): string[] {
  const found = profile.archMap?.find((item) => item.architecture === SCMP_ARCH[arch]);
  return found ? [found.architecture, ...(found.subArchitectures ?? [])] : [];
}

function older(kernel: readonly [number, number], wanted: string): boolean {
  const [major = 0, minor = 0] = wanted.split(".").map(Number);
  return kernel[0] < major || (kernel[0] === major && kernel[1] < minor);
}

const bad = (reason: string) =>
  invalid("read seccomp profile", `Decoding seccomp profile failed: ${reason}`);
