/** Random choices that a seed repeats exactly (mulberry32). Tests print their seed on failure. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/**
 * Runs a property for many seeds: fresh ones each time, or the one that CATENA_SEED names. A
 * failure's message gains the seed that repeats it.
 */
export async function forSeeds(
  count: number,
  property: (random: Random) => void | Promise<void>,
): Promise<void> {
  const named = process.env["CATENA_SEED"];
  const first = named === undefined ? Date.now() >>> 0 : Number(named);
  for (let index = 0; index < (named === undefined ? count : 1); index++) {
    const seed = first + index;
    try {
      await property(new Random(seed));
    } catch (error) {
      if (error instanceof Error) error.message += `\nrepeat with CATENA_SEED=${seed}`;
      throw error;
    }
  }
}
