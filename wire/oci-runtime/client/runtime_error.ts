import { ChainError } from "#lib/errors/chain_error.ts";
import type { ErrorCode, Evidence } from "#lib/errors/frame.ts";
import { errorFromText } from "#lib/rpc/status_codec.ts";
import type { ExitStatus } from "../runtime.ts";
import type { RuntimeLog } from "./runtime_log.ts";

/** What is known of a runtime's command that failed. */
export interface FailedCommand {
  /** `create`, `exec`, …. */
  op: string;
  executable: string;
  status: ExitStatus;
  log: RuntimeLog;
  logPath: string;
  /** What it printed on stderr, when that was ours to read. */
  stderr?: string;
}

/** Texts by which runc and crun, and their callers, tell failures apart. */
const CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/executable file not found|no such file or directory|does not exist/i, "not_found"],
  [/container not running|no such process|process already finished/i, "not_found"],
  [/already exists|exist with given ID/i, "already_exists"],
  [/permission denied|operation not permitted/i, "permission_denied"],
  [/resource temporarily unavailable|no space left|too many open files/i, "resource_exhausted"],
  [/cannot allocate memory/i, "resource_exhausted"],
  [/invalid argument/i, "invalid_argument"],
];

/** The code that a runtime's words stand for; `unknown` when they say nothing that we know. */
export function codeOfText(text: string): ErrorCode {
  return CODES.find(([words]) => words.test(text))?.[1] ?? "unknown";
}

/**
 * A failed command as an error: the frames of our own runtime as they are, a foreign one's last
 * words as one frame, with everything else that it left behind as evidence.
 */
export function runtimeError(failed: FailedCommand): ChainError {
  const { op, status, log } = failed;
  if (log.chain) return log.chain;
  const ended = exitText(status);
  const evidence: Evidence[] = [{ kind: "exit", value: ended, ref: failed.executable }];
  const stderr = failed.stderr?.trim();
  if (stderr && stderr !== log.message) {
    evidence.push({ kind: "log", value: stderr.slice(-4000), ref: "stderr" });
  }
  for (const line of log.stray) evidence.push({ kind: "log", value: line, ref: failed.logPath });
  const message = log.message || (stderr ? lastLine(stderr) : unexplained(failed, ended));
  return errorFromText(message, { layer: "runc", op, code: codeOfText(message), evidence });
}

/** The executable could not be started at all. `thrown` is the system's refusal. */
export function runtimeNotStarted(op: string, executable: string, thrown: ChainError): ChainError {
  const missing = thrown.evidence.some(({ value }) => value === "ENOENT");
  const frame = {
    layer: "runc" as const,
    op,
    code: thrown.outer.code,
    message: `unable to retrieve OCI runtime error: fork/exec ${executable}`,
    evidence: [{ kind: "path" as const, value: "OCI runtime", ref: executable }],
  };
  if (!missing) return thrown.wrap(frame);
  return new ChainError(
    [
      {
        ...frame,
        causeId: "runtime-missing",
        cause: `the OCI runtime ${executable} is not installed there`,
        fix: "install it, or name another runtime",
      },
      ...thrown.frames,
    ],
    { id: thrown.id },
  );
}

function unexplained(failed: FailedCommand, ended: string): string {
  const { executable, log, op } = failed;
  const why = log.unreadable ?? "it logged no error";
  return `unable to retrieve OCI runtime error (${why}): ${executable} ${op}: ${ended}`;
}

function exitText(status: ExitStatus): string {
  return status.signal === undefined
    ? `exit status ${status.code}`
    : `signal: ${status.signal} (exit status ${status.code})`;
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}
