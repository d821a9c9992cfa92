import { ChainError } from "#lib/errors/chain_error.ts";
import type { Evidence } from "#lib/errors/frame.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import { errnoOf, O, readText, readTextIfAny, writeText } from "#lib/linux/file.ts";

/** What the kernel answers for "no limit" where it writes `max`. */
export const NO_LIMIT = 2n ** 64n - 1n;

/** A failed call on a cgroup file as one frame, in Go's words: `write PATH: invalid argument`. */
export function cgroupCallError(error: unknown, path: string): ChainError {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  const call = (error as { syscall?: string }).syscall ?? "access";
  const evidence: Evidence[] = [
    { kind: "errno", value: errno },
    { kind: "syscall", value: call, ref: path },
  ];
  return new ChainError([
    {
      layer: "kernel",
      op: `cgroup ${call}`,
      code: codeOf(errno),
      message: `${call} ${path}: ${errnoText(errno)}`,
      evidence,
    },
  ]);
}

function codeOf(errno: string) {
  if (errno === "ENOENT" || errno === "ENODEV") return "not_found" as const;
  if (errno === "EPERM" || errno === "EACCES" || errno === "EROFS") {
    return "permission_denied" as const;
  }
  if (errno === "EINVAL" || errno === "ERANGE") return "invalid_argument" as const;
  if (errno === "EBUSY") return "failed_precondition" as const;
  return errno === "ENOSPC" ? ("resource_exhausted" as const) : ("internal" as const);
}

/** The errno that a ChainError of this module reports, undefined for any other. */
export function errnoOfChain(error: unknown): string | undefined {
  if (!(error instanceof ChainError)) return undefined;
  return error.root.evidence.find(({ kind }) => kind === "errno")?.value;
}

/**
 * Writes one value to a cgroup's file. The file is never created: outside a cgroup file system
 * that would pass for success.
 */
export function writeCgroupFile(folder: string, file: string, value: string): void {
  const path = `${folder}/${file}`;
  try {
    writeText(path, value, O.WRONLY);
  } catch (error) {
    throw cgroupCallError(error, path).wrap({
      layer: "runc",
      op: "cgroup",
      code: "internal",
      message: `failed to write ${JSON.stringify(value)}`,
      evidence: [{ kind: "cgroup", value: `${file} = ${value}`, ref: path }],
    });
  }
}

/** Reads a cgroup's file, without the line's end. */
export function readCgroupFile(folder: string, file: string): string {
  const path = `${folder}/${file}`;
  try {
    return readText(path).trimEnd();
  } catch (error) {
    throw cgroupCallError(error, path);
  }
}

/** The same, or undefined when the file or the cgroup is not there. */
export function readCgroupFileIfAny(folder: string, file: string): string | undefined {
  return readTextIfAny(`${folder}/${file}`)?.trimEnd();
}

/**
 * A number of a cgroup's file; `max` is NO_LIMIT, a file that is not there or not a number
 * undefined.
 */
export function readCgroupNumber(folder: string, file: string): bigint | undefined {
  const text = readCgroupFileIfAny(folder, file);
  if (text === undefined) return undefined;
  if (text === "max") return NO_LIMIT;
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

/** The lines `key value` of a file such as memory.stat. Empty when the file is not there. */
export function readKeyValues(folder: string, file: string): Record<string, bigint> {
  const out: Record<string, bigint> = {};
  for (const line of (readCgroupFileIfAny(folder, file) ?? "").split("\n")) {
    const [key, value] = line.split(" ");
    if (key && value && /^\d+$/.test(value)) out[key] = BigInt(value);
  }
  return out;
}
