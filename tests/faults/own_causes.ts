import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FaultStack } from "./fault_stack.ts";

/** An exec through a link that hangs ends after this. */
const EXEC_MS = 5000;

/**
 * The cause ids in the errors that our stack recorded since `sinceMs`, one more failing exec
 * included: what a client was told at the moment of failure, without any doctor.
 */
export async function ownCauses(
  stack: FaultStack,
  container: string,
  sinceMs: number,
): Promise<string> {
  await stack.docker({ timeoutMs: EXEC_MS }, "exec", container, "true");
  const folder = stack.sandbox.path("catena-daemon", "state", "errors");
  const ids = new Set<string>();
  for (const name of list(folder)) {
    const path = join(folder, name);
    if (statSync(path).mtimeMs < sinceMs) continue;
    for (const [, id] of readFileSync(path, "utf8").matchAll(/"causeId":"([a-z-]+)"/g)) {
      ids.add(id!);
    }
  }
  return [...ids].join(", ");
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
