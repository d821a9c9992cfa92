import { ChainError, failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { SystemdRefusal } from "./systemd_bus.ts";

/**
 * What to throw when `layer` could not `what` (start, stop…) a unit: a ChainError that names it.
 * What is neither systemd's answer nor an operating error is given back as it is.
 */
export function unitFailure(error: unknown, layer: Layer, what: string, unit: string): unknown {
  const frame = {
    layer,
    op: `${what} systemd unit`,
    message: `unable to ${what} unit ${JSON.stringify(unit)}`,
  };
  if (error instanceof ChainError) return error.wrap({ ...frame, code: error.outer.code });
  if (!(error instanceof SystemdRefusal)) return error;
  return failure({
    ...frame,
    code: /AccessDenied|InteractiveAuthorizationRequired/.test(error.name)
      ? "permission_denied"
      : "failed_precondition",
    message: `${frame.message}: ${error.message}`,
    evidence: [{ kind: "log", value: error.name, ref: "D-Bus error" }],
    fix: `ask systemd why: systemctl status ${unit}; journalctl -b _PID=1`,
  });
}
