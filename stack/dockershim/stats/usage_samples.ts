/** How old a sample may be for a rate to be told from it. */
const MAX_AGE_NS = 600_000_000_000n;
/** Two samples closer than this say nothing about a rate. */
const MIN_AGE_NS = 100_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

interface Sample {
  timeNs: bigint;
  cpuNs: bigint;
  rate: bigint | undefined;
}

/** The last CPU times of containers, from which the next ones give a rate. */
export class UsageSamples {
  readonly #samples = new Map<string, Sample>();
  readonly #failing = new Set<string>();

  /**
   * Takes a container's CPU time (nanoseconds) at a time; returns the nanoseconds of CPU that it
   * used in each second since the sample before, undefined for the first one.
   */
  rate(id: string, timeNs: bigint, cpuNs: bigint): bigint | undefined {
    this.#failing.delete(id);
    const before = this.#samples.get(id);
    const age = before ? timeNs - before.timeNs : 0n;
    if (before && age < MIN_AGE_NS) return before.rate;
    const restarted = before !== undefined && cpuNs < before.cpuNs;
    const rate =
      before && age <= MAX_AGE_NS && !restarted
        ? ((cpuNs - before.cpuNs) * NS_PER_SECOND) / age
        : undefined;
    this.#samples.set(id, { timeNs, cpuNs, rate });
    return rate;
  }

  /** Whether a container without a sample is so for the first time since it had one. */
  startsToFail(id: string): boolean {
    if (this.#failing.has(id)) return false;
    this.#failing.add(id);
    return true;
  }

  forget(id: string): void {
    this.#samples.delete(id);
    this.#failing.delete(id);
  }
}
