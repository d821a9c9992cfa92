import type { CallContext } from "#lib/rpc/service.ts";
import { refuse } from "./refusal.ts";

/** Longest identifier; ids become names of folders and parts of socket paths. */
const MAX_LENGTH = 76;
const PATTERN = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$";
const IDENTIFIER = new RegExp(PATTERN);

/** Checks an id that becomes part of a path. `what` precedes the words of a refusal. */
export function checkIdentifier(id: string, what = ""): void {
  const prefix = what === "" ? "" : `${what}: `;
  if (id === "") throw refuse("invalid_argument", `${prefix}identifier must not be empty`);
  const shown = JSON.stringify(id);
  if (id.length > MAX_LENGTH) {
    const rule = `greater than maximum length (${MAX_LENGTH} characters)`;
    throw refuse("invalid_argument", `${prefix}identifier ${shown} ${rule}`);
  }
  if (!IDENTIFIER.test(id)) {
    throw refuse("invalid_argument", `${prefix}identifier ${shown} must match ${PATTERN}`);
  }
}

/** The namespace that a call must carry. */
export function namespaceOf(context: CallContext): string {
  const { namespace } = context;
  if (!namespace) throw refuse("failed_precondition", "namespace is required");
  checkIdentifier(namespace, "namespace validation");
  return namespace;
}
