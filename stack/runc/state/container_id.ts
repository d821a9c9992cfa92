import { failure } from "#lib/errors/chain_error.ts";

/**
 * What runc takes for an id, "+" to "." being a range in its pattern. An id names a folder, so the
 * two that name other folders are refused.
 */
const ID = /^[\w+-.]+$/;

/** Refuses what cannot be a container's id, in runc's words. */
export function checkContainerId(id: string): void {
  if (id === "") {
    throw failure({
      layer: "runc",
      op: "container id",
      code: "invalid_argument",
      message: "container id cannot be empty",
    });
  }
  if (!ID.test(id) || id === "." || id === "..") {
    throw failure({
      layer: "runc",
      op: "container id",
      code: "invalid_argument",
      message: "invalid container ID format",
      evidence: [{ kind: "path", value: JSON.stringify(id) }],
      fix: "use letters, digits, underscore, +, -, comma and dot only",
    });
  }
}
