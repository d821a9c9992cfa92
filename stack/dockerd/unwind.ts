import { type ChainError, toChainError } from "#lib/errors/chain_error.ts";

/** What has been built so far, and how to take each piece down again, last first. */
export class Unwind {
  readonly #steps: { op: string; undo: () => Promise<unknown> | unknown }[] = [];

  add(op: string, undo: () => Promise<unknown> | unknown): void {
    this.#steps.push({ op, undo });
  }

  /** Takes everything down. A step that fails is attached to the error, never instead of it. */
  async run(error: ChainError): Promise<void> {
    for (const { op, undo } of this.#steps.reverse()) {
      try {
        await undo();
      } catch (thrown) {
        error.cleanup ??= toChainError(thrown, "dockerd", op);
      }
    }
  }
}
