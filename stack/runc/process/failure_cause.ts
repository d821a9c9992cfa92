import type { Evidence } from "#lib/errors/frame.ts";
import { errnoName } from "#lib/linux/errno_name.ts";
import { readTextIfAny } from "#lib/linux/file.ts";
import { isOlderKernel, LEAST_KERNEL } from "#lib/linux/kernel_release.ts";
import type { Operation } from "#wire/init-pipe/operation.ts";
import { isCgroupFile } from "./failure_words.ts";
import type { FailureContext } from "./launch_failure.ts";
import { oomCause, pidsCause, processLimitCause } from "./limit_cause.ts";
import { programCause } from "./program_cause.ts";

/** What a cause adds to a frame: a row of the fault catalogue, in words, and what to do. */
export interface CauseWords {
  causeId?: string;
  cause?: string;
  fix?: string;
}

export interface FoundCause {
  evidence: Evidence[];
  words: CauseWords;
}

const SIGSYS = 31;

/**
 * Looks at the host for what lies behind a failed operation. Never guesses by the errno alone:
 * without evidence that proves a cause, none is given.
 */
export function findCause(context: FailureContext, operation: Operation): FoundCause {
  if (context.result.kind === "died") return deathCause(context);
  const errno = errnoName(context.report.errno);
  if (errno === "ENOSYS") return kernelCause();
  switch (operation.op) {
    case "pids-check":
      return pidsCause(context);
    case "clone-child":
    case "clone-grandchild":
      return errno === "EAGAIN" ? processLimitCause(context) : namespaceCause(errno);
    case "open":
      return cgroupCause(operation.path, errno);
    case "hook":
      return nothing();
    case "unshare":
      return namespaceCause(errno);
    case "find-program":
    case "execve":
    case "chdir":
      return programCause(context, operation, errno);
    case "terminal":
      return terminalCause(context, errno);
    case "rlimit":
      return limitCause(errno);
    case "id-maps":
      return idMapCause(context.report.detail);
    case "keyring":
      return keyringCause(errno);
    case "label":
      return labelCause(operation, errno);
    case "mount":
    case "bind":
      return mountCause(operation, context, errno);
    default:
      return nothing();
  }
}

/** No cause proved; what was seen is kept. */
export function nothing(evidence: Evidence[] = []): FoundCause {
  return { evidence, words: {} };
}

/** A call that is not there: by the kernel's age, or by a filter around us, which is not told. */
function kernelCause(): FoundCause {
  const release = readTextIfAny("/proc/sys/kernel/osrelease")?.trim() ?? "";
  const evidence: Evidence[] = [
    { kind: "path", value: release, ref: "/proc/sys/kernel/osrelease" },
  ];
  if (!isOlderKernel(release)) return nothing(evidence);
  return {
    evidence,
    words: {
      cause: `the kernel ${release} is older than ${LEAST_KERNEL}, the least that is needed`,
      fix: `boot Linux ${LEAST_KERNEL} or newer, or use genuine runc on this host`,
    },
  };
}

/** Init died without a word: the memory cgroup, a seccomp filter, or somebody's signal. */
function deathCause(context: FailureContext): FoundCause {
  const { status, report, run } = context;
  const oom = oomCause(context);
  if (oom) return oom;
  const evidence: Evidence[] = [];
  if (status) {
    const how =
      status.signal === undefined ? `exit code ${status.code}` : `signal ${status.signal}`;
    evidence.push({ kind: "exit", value: how });
  }
  const filtered = run.plan.operations.some(
    ({ op }, index) =>
      op === "seccomp" && (report.records[index]?.state ?? "untouched") !== "untouched",
  );
  if (!filtered || (status?.signal !== undefined && status.signal !== SIGSYS))
    return nothing(evidence);
  return {
    evidence,
    words: {
      causeId: "seccomp-kill",
      cause: "the seccomp profile ended init behind its own filter",
      fix:
        "allow execve and what the program needs to start, " +
        "or let calls fail with SCMP_ACT_ERRNO instead of SCMP_ACT_KILL",
    },
  };
}

function cgroupCause(path: string, errno: string): FoundCause {
  if (!isCgroupFile(path) || (errno !== "ENOENT" && errno !== "ENODEV")) return nothing();
  return {
    evidence: [{ kind: "cgroup", value: "missing", ref: path }],
    words: {
      causeId: "cgroup-gone",
      cause: `the container's cgroup was removed or moved: ${path} is missing`,
      fix: "restart the container, and keep other programs from changing its cgroups",
    },
  };
}

function namespaceCause(errno: string): FoundCause {
  if (errno !== "ENOSPC" && errno !== "EUSERS") return nothing();
  return {
    evidence: [{ kind: "errno", value: errno, ref: "unshare" }],
    words: {
      causeId: "userns-max",
      cause: "a limit on the number of namespaces is reached",
      fix: "raise the user.max_*_namespaces sysctls, or end containers that are not needed",
    },
  };
}

function terminalCause(context: FailureContext, errno: string): FoundCause {
  if (errno !== "ENOENT" || context.report.detail !== "/dev/ptmx") return nothing();
  return {
    evidence: [{ kind: "path", value: "missing", ref: `${context.root}/dev/ptmx` }],
    words: {
      causeId: "ptmx-missing",
      cause: "the container has no terminal multiplexer",
      fix: "restart the container, or run the command without a terminal",
    },
  };
}

function limitCause(errno: string): FoundCause {
  if (errno !== "EPERM") return nothing();
  return {
    evidence: [{ kind: "errno", value: errno, ref: "prlimit" }],
    words: {
      cause: "raising a hard limit needs CAP_SYS_RESOURCE, which this runtime lacks",
      fix: "ask for no more than the limit of the daemon, or raise the daemon's own",
    },
  };
}

/** The setuid program that writes the map ended with a failure. */
function idMapCause(tool: string): FoundCause {
  if (!tool.startsWith("/")) return nothing();
  const file = tool.endsWith("newuidmap") ? "/etc/subuid" : "/etc/subgid";
  const value = (readTextIfAny(file) ?? "").trim().split("\n").slice(0, 3).join("; ");
  return {
    evidence: [{ kind: "path", value, ref: file }],
    words: {
      cause: `${tool} refused the id map: ${file} does not give the caller those ids`,
      fix: `add a line USER:FIRST:COUNT to ${file}, or map fewer ids`,
    },
  };
}

function keyringCause(errno: string): FoundCause {
  if (errno !== "EDQUOT") return nothing();
  return {
    evidence: [{ kind: "errno", value: errno, ref: "/proc/key-users" }],
    words: {
      causeId: "keyring-quota",
      cause: "the user's quota of kernel keys is used up",
      fix: "raise kernel.keys.maxkeys and kernel.keys.maxbytes, or use --no-new-keyring",
    },
  };
}

function labelCause(operation: Extract<Operation, { op: "label" }>, errno: string): FoundCause {
  if (errno !== "ENOENT" || !operation.text.startsWith("exec ")) return nothing();
  const profile = operation.text.slice("exec ".length);
  return {
    evidence: [{ kind: "errno", value: errno, ref: `apparmor profile ${profile}` }],
    words: {
      causeId: "apparmor-missing",
      cause: `the AppArmor profile ${profile} is not loaded`,
      fix: "load it with apparmor_parser, or run the container unconfined",
    },
  };
}

function mountCause(
  operation: Extract<Operation, { op: "mount" | "bind" }>,
  context: FailureContext,
  errno: string,
): FoundCause {
  if (operation.op === "bind" && errno === "ENOENT" && context.report.detail === operation.source) {
    return {
      evidence: [{ kind: "path", value: "missing", ref: operation.source }],
      words: {
        causeId: "bind-source-missing",
        cause: `the source ${operation.source} of a bind mount is missing on the host`,
        fix: "create it, or correct the mount's source",
      },
    };
  }
  if (errno === "EROFS") {
    return {
      evidence: [{ kind: "path", value: "read-only", ref: operation.target }],
      words: {
        causeId: "read-only-fs",
        cause: `${operation.target} must be made in a file system that is read-only`,
        fix: "make the mount point part of the image, or the root writable",
      },
    };
  }
  if (operation.op === "mount" && errno === "EINVAL" && context.report.detail !== "") {
    return nothing([
      { kind: "log", value: `option ${context.report.detail}`, ref: operation.type },
    ]);
  }
  return nothing();
}
