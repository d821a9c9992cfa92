/** Times of a back-off, in milliseconds. */
export interface BackOffTimes {
  initialMs: number;
  maxMs: number;
}

/** The kubelet's own: 10 s, doubling to 5 min. */
export const RESTART_BACK_OFF: BackOffTimes = { initialMs: 10_000, maxMs: 300_000 };

interface Entry {
  delayMs: number;
  updatedMs: number;
}

/**
 * Waiting times by key, doubling with each failure. As client-go's flowcontrol.Backoff, by which
 * the kubelet delays restarts: the first failure is retried at once, and a key that was well for
 * twice the longest delay begins anew.
 */
export class BackOff {
  readonly #times: BackOffTimes;
  readonly #entries = new Map<string, Entry>();

  constructor(times: BackOffTimes) {
    this.#times = times;
  }

  /** Milliseconds that are left to wait at `now` after a failure at `failedMs`; 0 for none. */
  remainingMs(key: string, failedMs: number, now: number): number {
    const entry = this.#entries.get(key);
    if (!entry || this.#isStale(entry, now)) return 0;
    return Math.max(0, failedMs + entry.delayMs - now);
  }

  /** Notes another attempt: the next failure waits longer. */
  next(key: string, now: number): void {
    const entry = this.#entries.get(key);
    const fresh = !entry || this.#isStale(entry, now);
    const delayMs = fresh ? this.#times.initialMs : Math.min(entry.delayMs * 2, this.#times.maxMs);
    this.#entries.set(key, { delayMs, updatedMs: now });
  }

  /** How long the key waits after its next failure; 0 when it was never noted. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Forgets the keys that begin with `prefix`. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #isStale(entry: Entry, now: number): boolean {
    return now - entry.updatedMs > 2 * this.#times.maxMs;
  }
}
