/** Counts what the kernel killed in one container for memory, and lets others wait for the next. */
export class MemoryKills {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  note(): void {
    this.#count++;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when there were more than `count`; at once if there were. */
  after(count: number): Promise<void> {
    if (this.#count > count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
