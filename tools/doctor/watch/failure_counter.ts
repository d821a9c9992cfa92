import { type Recognised, recogniseMessages } from "../messages/recognise_message.ts";
import type { WatchedEvent } from "./watched_event.ts";

/** Beyond this many different failures the oldest are forgotten, and told again if they return. */
const MAX_KINDS = 1000;

/**
 * Tells each kind of failure once, and counts how often it came again. With `each`, those of other
 * containers and execs are others.
 */
export class FailureCounter {
  readonly #counts = new Map<string, number>();
  readonly #each: boolean;

  constructor({ each = false } = {}) {
    this.#each = each;
  }

  /** The failures in these lines that were not told before; echoes of others are left out. */
  firstTimes(lines: string[]): Recognised[] {
    const fresh: Recognised[] = [];
    const texts = this.#each ? lines : [lines.join("\n")];
    for (const one of texts.flatMap(recogniseMessages)) {
      if (one.known.every((message) => message.echo)) continue;
      const key = this.#each ? [one.key, ...one.ids].join(" ") : one.key;
      if (this.#note(key, one.count)) fresh.push(one);
    }
    return fresh;
  }

  /** A daemon's event, the first time that it tells of this failure of this container. */
  firstTime({ key, line, id, link }: WatchedEvent): Recognised | undefined {
    if (!this.#note(key, 1)) return undefined;
    return { key, line, count: 1, known: [], passed: [link], era: undefined, ids: [id] };
  }

  /** Counts. Returns whether it is the first. */
  #note(key: string, count: number): boolean {
    const known = this.#counts.get(key);
    this.#counts.set(key, (known ?? 0) + count);
    if (this.#counts.size > MAX_KINDS) this.#counts.delete(this.#counts.keys().next().value!);
    return known === undefined;
  }

  /** How often each kind was seen, the commonest first. */
  summary(): { key: string; count: number }[] {
    const all = [...this.#counts].map(([key, count]) => ({ key, count }));
    return all.sort((left, right) => right.count - left.count);
  }
}
