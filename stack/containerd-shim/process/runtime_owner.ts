import { realpathSync } from "node:fs";
import type { OciRuntime } from "#wire/oci-runtime/runtime.ts";

/** Whose container the runtime knows by an id: that of the bundle, another's, or nobody's. */
export type RuntimeOwner = "bundle" | "other" | "nobody";

/**
 * Looks up whose container an id is for the runtime. Two containerds that share a namespace share
 * the runtime's state too: what a failed create cleans up must not be the other's container.
 */
export async function ownerInRuntime(
  runtime: Pick<OciRuntime, "state">,
  id: string,
  bundle: string,
): Promise<RuntimeOwner> {
  let found: string;
  try {
    found = (await runtime.state(id)).bundle;
  } catch {
    return "nobody";
  }
  return realPath(found) === realPath(bundle) ? "bundle" : "other";
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
