import type { DockerEngine } from "#wire/docker-api/engine.ts";

/** How long a Docker may take to say that it is there; a kubelet waits 5 s beyond a time-out. */
const PING_MS = 2_500;
/** How often it is asked while something takes long. */
const STEP_MS = 10_000;

export interface PulseOptions<T> {
  /** How long the work may take before Docker is asked whether it is there at all. */
  firstMs: number;
  /** What becomes of a result that comes when nobody waits for it any more. */
  late?: (result: T) => unknown;
}

/**
 * Tells a Docker that hangs from one that is slow: work that must not be cut off is waited for only
 * as long as Docker answers something else beside it.
 */
export class DockerPulse {
  readonly #engine: DockerEngine;
  /** It did not answer when it was last asked: it is asked before anything more is given to it. */
  #silent = false;

  constructor(engine: DockerEngine) {
    this.#engine = engine;
  }

  /**
   * Begins `work` and returns its result. Rejects with Docker's silence where that is the reason
   * for which it does not end; the work goes on then, and `late` gets what it brings.
   */
  async beside<T>(work: () => Promise<T>, { firstMs, late }: PulseOptions<T>): Promise<T> {
    if (this.#silent) await this.#ask();
    const running = work();
    let waitMs = firstMs;
    try {
      for (;;) {
        const result = await settledWithin(running, waitMs);
        if (result) return result.value;
        await Promise.race([this.#ask(), running]);
        waitMs = STEP_MS;
      }
    } catch (thrown) {
      // Its own failure comes here too: nothing is late then.
      running.then(late ?? (() => {})).catch(() => {});
      throw thrown;
    }
  }

  async #ask(): Promise<void> {
    try {
      await this.#engine.ping({ signal: AbortSignal.timeout(PING_MS) });
      this.#silent = false;
    } catch (thrown) {
      this.#silent = true;
      throw thrown;
    }
  }
}

/** The result where it comes within a time; undefined where it does not. Rejects as it does. */
function settledWithin<T>(work: Promise<T>, ms: number): Promise<{ value: T } | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    work
      .then((value) => resolve({ value }), reject)
      .finally(() => {
        clearTimeout(timer);
      });
  });
}
