import type { FaultStack, StackKind } from "./fault_stack.ts";

/** A container that is, or only looks, broken. */
export interface Patient {
  container: string;
  /** Undoes the injection and removes the container. */
  heal(): Promise<void>;
}

/** One row of the fault catalogue, as the laboratory injects it. */
export interface FaultRow {
  /** The cause that the doctor must name. */
  id: string;
  /** The link that it must name. */
  link: string;
  /** How it is injected, in a few words, for the table. */
  injection: string;
  /** The stacks on which it can be injected. */
  stacks: readonly StackKind[];
  /** It needs a stack with networks of its own. */
  networked?: true;
  inject(stack: FaultStack): Promise<Patient>;
  /**
   * Docker's command that our own stack refuses while the fault is there, NAME for the container;
   * `exec NAME true` where it is left out. Its error must carry the cause's id by itself.
   */
  request?: readonly string[];
  /** Why no request to our own stack fails, so that there is no error to carry an id. */
  noError?: string;
  /** Something that resembles the fault and is none; `expects` where another cause is right. */
  lookAlike(stack: FaultStack): Promise<Patient & { expects?: string }>;
}

export const BOTH: readonly StackKind[] = ["genuine", "catena"];
export const GENUINE_ONLY: readonly StackKind[] = ["genuine"];

/** A patient that needs nothing undone but its own removal. */
export function patient(stack: FaultStack, container: string): Patient {
  return { container, heal: () => stack.remove(container) };
}
