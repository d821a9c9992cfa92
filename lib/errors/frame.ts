/** The links of the chain, outermost first, and those that are not ours. */
export const LAYERS = [
  "cli",
  "kubelet",
  "dockershim",
  "dockerd",
  "containerd",
  "shim",
  "keeper",
  "runc",
  "init",
  "kernel",
  "container",
  "registry",
] as const;

export type Layer = (typeof LAYERS)[number];

/** One vocabulary of codes, with gRPC's names; wire/<arrow>/errors.ts maps it to each wire's. */
export const ERROR_CODES = [
  "cancelled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export type EvidenceKind =
  | "errno"
  | "exit"
  | "syscall"
  | "cgroup"
  | "rlimit"
  | "path"
  | "log"
  | "trace";

/** One observed fact. `value` is what was seen ("pids.current 30 of pids.max 30"), `ref` where. */
export interface Evidence {
  kind: EvidenceKind;
  value: string;
  ref?: string;
}

/**
 * What one link knows of a failure. No link edits the frames below its own.
 *
 * `message` keeps the words that people and genuine parents match ("exec failed: …").
 * `causeId` is a row of the fault catalogue; `cause` says it in plain words; `fix` is what to do.
 */
export interface Frame {
  layer: Layer;
  op: string;
  code: ErrorCode;
  message: string;
  causeId?: string;
  cause?: string;
  fix?: string;
  evidence: Evidence[];
}
