import type { ChainError } from "#lib/errors/chain_error.ts";

/**
 * How a probe or hook went. `notExecuted`: it never reached the application, so it says nothing
 * about it.
 */
export type ActionOutcome =
  | { result: "success"; output: string }
  | { result: "failure"; output: string }
  | { result: "notExecuted"; error: ChainError };

/** As much of a probe's output as an event shows (the kubelet's own limit is 10 KiB). */
const MAX_OUTPUT = 2_048;

/** Output as one event can carry it. */
export function clip(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > MAX_OUTPUT ? `${trimmed.slice(0, MAX_OUTPUT)}…` : trimmed;
}
