/** How long a wait lasts when nothing else is said: the machine may be busy, so generously. */
const DEFAULT_TIMEOUT_MS = 60_000;
const STEP_MS = 50;

/**
 * Asks `probe` until it returns something other than undefined or false, and returns that.
 * Rejects after `timeoutMs` with `what` and the last error that the probe threw, if any.
 */
export async function waitUntil<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let thrown: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      thrown = error;
    }
    if (Date.now() >= deadline) {
      const last = thrown === undefined ? "" : `; last: ${String(thrown)}`;
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}${last}`);
    }
    await Bun.sleep(STEP_MS);
  }
}
