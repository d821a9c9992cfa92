import { afterAll, beforeAll } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { FaultStack } from "./fault_stack.ts";

/**
 * Gives the tests of a file one genuine stack for all, or the reason why they cannot run here;
 * `because` is that reason as it follows a test's name.
 */
export function onGenuineStack(
  limitMs: number,
  started: (stack: FaultStack) => void,
): { reason: string | undefined; because: string } {
  const reason = reasonToSkip([
    "genuine containerd",
    "genuine dockerd",
    "genuine runc",
    "docker cli",
  ]);
  let stack: FaultStack | undefined;
  beforeAll(async () => {
    if (reason !== undefined) return;
    stack = await FaultStack.start("genuine");
    started(stack);
  }, limitMs);
  afterAll(async () => {
    await stack?.sandbox.close();
  }, limitMs);
  return { reason, because: reason === undefined ? "" : ` (skipped: ${reason})` };
}
