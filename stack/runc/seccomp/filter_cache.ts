import { readTextIfAny, writeTextAtomically } from "#lib/linux/file.ts";
import type { Seccomp } from "../spec/spec_seccomp.ts";

/** Raised when the same profile compiles to another program than before. */
const COMPILER = 1;

/**
 * What a profile comes down to. A profile that was read back from state.json has one rule a call
 * and says defaults that were left out before, so both are brought to that form.
 */
function digest(profile: Seccomp): string {
  const rules = (profile.syscalls ?? []).flatMap(({ names, action, errnoRet, args }) => {
    const rest = [
      action,
      errnoRet ?? null,
      (args ?? []).map(({ index, value, valueTwo, op }) => [index, value, valueTwo ?? 0, op]),
    ];
    return names.map((name) => [name, ...rest]);
  });
  const whole = [
    COMPILER,
    profile.defaultAction,
    profile.defaultErrnoRet ?? null,
    profile.architectures ?? [],
    rules,
  ];
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(whole)).digest("hex");
}

const fileOf = (folder: string, profile: Seccomp) =>
  `${folder}/seccomp-${digest(profile).slice(0, 32)}.bpf`;

/** A host's containers have few profiles, mostly one. */
const MAX_REMEMBERED = 16;
const remembered = new Map<string, Buffer>();

/** The program that this process compiled for the same profile before, else a new one. */
export function compileOnce(profile: Seccomp, compile: (profile: Seccomp) => Buffer): Buffer {
  const key = digest(profile);
  const known = remembered.get(key);
  if (known) return known;
  const filter = compile(profile);
  const [oldest] = remembered.keys();
  if (remembered.size >= MAX_REMEMBERED && oldest) remembered.delete(oldest);
  remembered.set(key, filter);
  return filter;
}

/** The program that was kept for a profile, undefined when there is none that can be used. */
export function loadCachedFilter(folder: string, profile: Seccomp): Uint8Array | undefined {
  const text = readTextIfAny(fileOf(folder, profile));
  if (!text) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.length % 8 === 0 ? bytes : undefined;
}

/** Keeps a program. A folder that takes no file costs the next exec a compilation, no more. */
export function storeCachedFilter(folder: string, profile: Seccomp, filter: Uint8Array): void {
  try {
    writeTextAtomically(fileOf(folder, profile), Buffer.from(filter).toString("base64"));
  } catch {
    // See above.
  }
}
