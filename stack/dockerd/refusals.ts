import { type ChainError, type FrameInit, failure } from "#lib/errors/chain_error.ts";
import type { ErrorCode, Evidence } from "#lib/errors/frame.ts";

/** What the doctor's catalogue says of a refusal. */
export type Known = Pick<FrameInit, "causeId" | "cause" | "fix">;

/** Refusals of this box, in dockerd's words: clients match the texts and the HTTP status. */
function refuse(
  code: ErrorCode,
  op: string,
  message: string,
  evidence: Evidence[] = [],
  known: Known = {},
): ChainError {
  return failure({ layer: "dockerd", op, code, message, evidence, ...known });
}

/** 400 */
export const invalid = (op: string, message: string, evidence?: Evidence[], known: Known = {}) =>
  refuse("invalid_argument", op, message, evidence, known);

/** 400: the source of a --mount, which is never made for the user. */
export const missingSource = (op: string, path: string) =>
  invalid(
    op,
    `invalid mount config for type "bind": bind source path does not exist: ${path}`,
    [{ kind: "path", value: "missing on the host", ref: path }],
    {
      causeId: "bind-source-missing",
      cause: `the host has no ${path}`,
      fix: `create it, or correct the mount's source`,
    },
  );

/** 404 */
export const notFound = (op: string, message: string, evidence?: Evidence[], known?: Known) =>
  refuse("not_found", op, message, evidence, known);

/** 409 */
export const conflict = (op: string, message: string, known: Known = {}) =>
  failure({ layer: "dockerd", op, code: "failed_precondition", message, ...known });

/** 403 */
export const forbidden = (op: string, message: string) => refuse("permission_denied", op, message);

/** 501: what no configuration of this daemon does. */
export const unsupported = (op: string, message: string) => refuse("unimplemented", op, message);

/** 500: our own state or the host is not as it must be. */
export const broken = (op: string, message: string, evidence?: Evidence[], known?: Known) =>
  refuse("internal", op, message, evidence, known);
