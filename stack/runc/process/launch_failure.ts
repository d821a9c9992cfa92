import { ChainError, type FrameInit } from "#lib/errors/chain_error.ts";
import type { ErrorCode, Evidence } from "#lib/errors/frame.ts";
import { errnoName } from "#lib/linux/errno_name.ts";
import type { InitReport } from "#wire/init-pipe/report.ts";
import type { ExitStatus } from "#wire/oci-runtime/runtime.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import { operationText } from "../spec/plan_text.ts";
import { findCause } from "./failure_cause.ts";
import { runcWords } from "./failure_words.ts";
import type { InitRun } from "./init_run.ts";
import type { LaunchResult } from "./launch_result.ts";
import { oomKilled } from "./limit_cause.ts";

/** What the explanation of a failed launch starts from. */
export interface FailureContext {
  run: InitRun;
  report: InitReport;
  result: Exclude<LaunchResult, { kind: "running" }>;
  create: boolean;
  cgroup: CgroupJoin;
  /** Host path below which the container's paths are found: the rootfs, or /proc/PID/root. */
  root: string;
  /** How the process that died ended, where the launcher could tell. */
  status?: ExitStatus;
  /** oom_kill of the container's memory cgroup before the launch. */
  oomKillsBefore: number | undefined;
  /** The container's init, for an exec. */
  containerPid?: number;
}

const PREFIX = "unable to start container process";

/**
 * A failed launch as an error: the runtime's frame in runc's words, and init's, which names the
 * operation, the stage and the errno, and the cause where the evidence proves one.
 */
export function launchFailure(context: FailureContext): ChainError {
  const { report, result, run, create } = context;
  const operation = run.plan.operations[result.index]!;
  const position = `operation ${result.index + 1} of ${run.plan.operations.length}`;
  const evidence: Evidence[] = [
    {
      kind: "log",
      value: `${report.stage} stage, ${position}: ${operationText(operation).slice(0, 200)}`,
    },
  ];
  const found = findCause(context, operation);
  evidence.push(...found.evidence);
  const died = result.kind === "died";
  const errno = errnoName(report.errno);
  if (!died) evidence.unshift({ kind: "errno", value: errno, ref: operation.op });
  const end = died ? endText(context) : errno;
  const init: FrameInit = {
    layer: "init",
    op: operation.op,
    code: died ? "aborted" : codeOf(errno),
    message: `${position}, ${shortText(operationText(operation))}: ${end}`,
    evidence,
    ...found.words,
  };
  const words = died ? deathWords(context) : runcWords(operation, report, create);
  return new ChainError([
    {
      layer: "runc",
      op: create ? "start init" : "start exec",
      code: init.code,
      message: `${PREFIX}: ${words}`,
    },
    init,
  ]);
}

function shortText(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}

/** runc sees an init that dies as the end of its pipe. */
function deathWords(context: FailureContext): string {
  const killed = oomKilled(context);
  if (context.create && killed) return "container init was OOM-killed (memory limit too low?)";
  const reset = "read init-p: connection reset by peer";
  return killed ? `${reset} (possibly OOM-killed)` : reset;
}

function endText({ status }: FailureContext): string {
  if (!status) return "init died";
  if (status.signal !== undefined) return `init was killed by signal ${status.signal}`;
  return `init ended with code ${status.code}`;
}

function codeOf(errno: string): ErrorCode {
  switch (errno) {
    case "EAGAIN":
    case "ENOMEM":
    case "ENOSPC":
    case "EDQUOT":
    case "EMFILE":
    case "ENFILE":
      return "resource_exhausted";
    case "EPERM":
    case "EACCES":
      return "permission_denied";
    case "ENOENT":
    case "ENOTDIR":
      return "not_found";
    case "ECANCELED":
      return "cancelled";
    default:
      return "failed_precondition";
  }
}
