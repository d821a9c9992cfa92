import type { Seccomp } from "../spec/spec_seccomp.ts";
import { keepFilter, loadFilter, trustedFolder } from "./filter_store.ts";

/** Raised when the same profile compiles to another program than before. */
const COMPILER = 2;

/** A host's containers have few profiles, mostly one; each may be written in two ways. */
const MAX_REMEMBERED = 32;

/** By the profile's own text: a long-lived process neither compiles nor digests it again. */
const remembered = new Map<string, Uint8Array>();

/**
 * What a profile comes down to. A profile that was read back from state.json has one rule a call
 * and says defaults that were left out before, so both are brought to that form.
 */
function digestOf(profile: Seccomp): string {
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

function remember(text: string, filter: Uint8Array): void {
  const [oldest] = remembered.keys();
  if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  remembered.set(text, filter);
}

/**
 * A profile's program: as this process had it before, as it lies in the first of `folders` that
 * nobody else can write to, else as `compile` makes it. It lies there afterwards.
 */
export function cachedFilter(
  profile: Seccomp,
  folders: string[],
  compile: (profile: Seccomp) => Uint8Array,
): Uint8Array {
  const text = JSON.stringify(profile);
  const known = remembered.get(text);
  if (known) return known;
  const folder = folders.find((path) => trustedFolder(path));
  const digest = digestOf(profile);
  let filter = folder === undefined ? undefined : loadFilter(folder, digest);
  if (!filter) {
    filter = compile(profile);
    if (folder !== undefined) keepFilter(folder, digest, filter);
  }
  remember(text, filter);
  return filter;
}
