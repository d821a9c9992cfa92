/** How many may queue for one container: a limit that only a runaway client reaches. */
const MAX_WAITING = 10_000;

/** One at a time, in order of arrival. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Runs `work` alone. Its failure is the caller's; the next in line goes on. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw new RangeError("too many operations on one container");
    this.#waiting++;
    const before = this.#tail;
    let release = () => {};
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    try {
      return await work();
    } finally {
      this.#waiting--;
      release();
    }
  }
}
