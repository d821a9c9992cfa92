import { setTimeout as sleep } from "node:timers/promises";

/** Longest wait that a registry may ask for with Retry-After before we give up instead. */
const MAX_RETRY_AFTER_MS = 30_000;

export interface Backoff {
  /** How many times something is tried altogether. */
  attempts: number;
  /** The first wait; each further one is twice as long, give or take a quarter. */
  firstMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { attempts: 5, firstMs: 500 };

/** Statuses after which the same request may well succeed. */
export const isTransient = (status: number) =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);

/**
 * How long to wait before try number `tried + 1`, in milliseconds; undefined to give up: the tries
 * are used up, or the registry asks for more patience than a client has.
 */
export function waitBefore(
  { attempts, firstMs }: Backoff,
  tried: number,
  retryAfter: string | null,
): number | undefined {
  if (tried >= attempts) return undefined;
  const own = firstMs * 2 ** (tried - 1) * (0.75 + Math.random() / 2);
  const asked = retryAfterMs(retryAfter);
  if (asked === undefined) return own;
  return asked > MAX_RETRY_AFTER_MS ? undefined : Math.max(own, asked);
}

/** Retry-After as seconds or as a date, in milliseconds. */
function retryAfterMs(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  if (/^[0-9]+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** Waits, unless the signal aborts first: then rejects with its reason. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {});
}
