/** What is kept of a container over time. */
export const SERIES = ["threads", "descriptors", "memory", "cpu"] as const;
export type SeriesName = (typeof SERIES)[number];

const FIRST_CAPACITY = 64;

/** The last `limit` points of a container's figures; it grows to that size as points come. */
export class Series {
  readonly #limit: number;
  #capacity = FIRST_CAPACITY;
  #times = new Float64Array(FIRST_CAPACITY);
  #values: Record<SeriesName, Float64Array> = {
    threads: new Float64Array(FIRST_CAPACITY),
    descriptors: new Float64Array(FIRST_CAPACITY),
    memory: new Float64Array(FIRST_CAPACITY),
    cpu: new Float64Array(FIRST_CAPACITY),
  };
  /** Where the next point goes. */
  #next = 0;
  #length = 0;
  /** Points so far, and how many there were when a figure last became another. */
  #count = 0;
  readonly #changedAt: Record<SeriesName, number> = {
    threads: 0,
    descriptors: 0,
    memory: 0,
    cpu: 0,
  };

  constructor(limit: number) {
    this.#limit = Math.max(FIRST_CAPACITY, limit);
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a point; times must not go back. */
  add(timeMs: number, point: Record<SeriesName, number>): void {
    if (this.#length === this.#capacity && this.#capacity < this.#limit) this.#grow();
    this.#times[this.#next] = timeMs;
    for (const name of SERIES) {
      if (point[name] !== this.last(name)) this.#changedAt[name] = this.#count;
      this.#values[name][this.#next] = point[name];
    }
    this.#count += 1;
    this.#next = (this.#next + 1) % this.#capacity;
    this.#length = Math.min(this.#length + 1, this.#capacity);
  }

  /** The newest value of one figure. */
  last(name: SeriesName): number | undefined {
    if (this.#length === 0) return undefined;
    return this.#values[name][(this.#next + this.#capacity - 1) % this.#capacity];
  }

  /** Whether the points that are kept differ in this figure. */
  varies(name: SeriesName): boolean {
    return this.#changedAt[name] > this.#count - this.#length;
  }

  /** Times in milliseconds, oldest first. */
  times(): Float64Array {
    return this.#inOrder(this.#times);
  }

  /** One figure, oldest first. */
  values(name: SeriesName): Float64Array {
    return this.#inOrder(this.#values[name]);
  }

  #inOrder(ring: Float64Array): Float64Array {
    if (this.#length < this.#capacity) return ring.slice(0, this.#length);
    const out = new Float64Array(this.#length);
    out.set(ring.subarray(this.#next));
    out.set(ring.subarray(0, this.#next), this.#capacity - this.#next);
    return out;
  }

  #grow(): void {
    const capacity = Math.min(this.#limit, this.#capacity * 4);
    const larger = (ring: Float64Array) => {
      const out = new Float64Array(capacity);
      out.set(this.#inOrder(ring));
      return out;
    };
    this.#times = larger(this.#times);
    for (const name of SERIES) this.#values[name] = larger(this.#values[name]);
    this.#next = this.#length;
    this.#capacity = capacity;
  }
}
