import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import { MAX_SLOTS } from "#wire/init-pipe/layout.ts";
import type { Operation, Plan, Slot } from "#wire/init-pipe/operation.ts";

/** Gathers a plan's operations, hands out slots for descriptors, and collects warnings. */
export class PlanBuilder {
  readonly operations: Operation[] = [];
  readonly warnings: string[] = [];
  #slots = 0;

  add(operation: Operation): void {
    this.operations.push(operation);
  }

  /** A free place in init's table of descriptors. */
  slot(): Slot {
    if (this.#slots >= MAX_SLOTS) throw specError("the plan needs too many descriptors", "mounts");
    return this.#slots++;
  }

  /** Opens a host path in the parent stage; returns the slot. */
  open(path: string, flags: number, optional = false): Slot {
    const slot = this.slot();
    this.add(
      optional ? { op: "open", slot, path, flags, optional } : { op: "open", slot, path, flags },
    );
    return slot;
  }

  warn(text: string): void {
    this.warnings.push(text);
  }

  finish(clockWithoutSyscall: boolean): Plan {
    return { operations: this.operations, clockWithoutSyscall };
  }
}

/**
 * A spec that cannot be performed; `message` is in runc's words where it has some. `at` is the JSON
 * path of what is at fault (`process.rlimits[2].type`), which the message then ends with.
 */
export function specError(message: string, at: string): ChainError {
  return failure({
    layer: "runc",
    op: "compile plan",
    code: "invalid_argument",
    message: at === "" || message.includes(at) ? message : `${message} (${at})`,
    evidence: [{ kind: "path", value: at, ref: "config.json" }],
  });
}
