import { readTextIfAny, statFile, writeTextAtomically } from "#lib/linux/file.ts";
import type { Seccomp } from "../spec/spec_seccomp.ts";

/** Raised when the same profile compiles to another program than before. */
const COMPILER = 1;

/** A host's containers have few profiles, mostly one; each may be written in two ways. */
const MAX_REMEMBERED = 32;

interface KnownFilter {
  filter: Uint8Array;
  digest: string;
}

/** By the profile's own text: a long-lived process neither compiles nor digests it again. */
const remembered = new Map<string, KnownFilter>();

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

const fileOf = (folder: string, digest: string) => `${folder}/seccomp-${digest.slice(0, 32)}.bpf`;

/** The program that was kept in a folder, undefined when there is none that can be used. */
function load(folder: string, digest: string): Uint8Array | undefined {
  const text = readTextIfAny(fileOf(folder, digest));
  if (!text) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.length % 8 === 0 ? bytes : undefined;
}

/** Keeps a program. A folder that takes no file costs the next exec a compilation, no more. */
function keep(folder: string, { digest, filter }: KnownFilter): void {
  const file = fileOf(folder, digest);
  if (statFile(file)) return;
  try {
    writeTextAtomically(file, Buffer.from(filter).toString("base64"));
  } catch {
    // See above.
  }
}

function remember(text: string, known: KnownFilter): void {
  const [oldest] = remembered.keys();
  if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  remembered.set(text, known);
}

/**
 * A profile's program: as this process had it before, as it lies in `folder` (a container's state
 * folder, if any), else as `compile` makes it. It is in `folder` afterwards.
 */
export function cachedFilter(
  profile: Seccomp,
  folder: string | undefined,
  compile: (profile: Seccomp) => Uint8Array,
): Uint8Array {
  const text = JSON.stringify(profile);
  let known = remembered.get(text);
  if (!known) {
    const digest = digestOf(profile);
    const kept = folder === undefined ? undefined : load(folder, digest);
    known = { filter: kept ?? compile(profile), digest };
    remember(text, known);
  }
  if (folder !== undefined) keep(folder, known);
  return known.filter;
}
