import type { StateResponse } from "#gen/wire/task-ttrpc/proto/task_pb.ts";

/**
 * What a shim last said of a task's init, for as long as nothing is known to have changed it. A
 * list of hundreds of tasks is answered from these, without asking a shim about each.
 *
 * What may change it: a call to the shim, and an event from it. An answer that was under way
 * meanwhile may tell of either side of the change, so it is not kept.
 */
export class KnownState {
  #state: StateResponse | undefined;
  /** Counts the changes. */
  #age = 0;

  get state(): StateResponse | undefined {
    return this.#state;
  }

  /** Something happened to the task, or is about to. */
  changed(): void {
    this.#age++;
    this.#state = undefined;
  }

  /** Asks for the state, and keeps the answer unless something happened meanwhile. */
  async ask(question: () => Promise<StateResponse>): Promise<StateResponse> {
    const age = this.#age;
    const state = await question();
    if (age === this.#age) this.#state = state;
    return state;
  }
}
