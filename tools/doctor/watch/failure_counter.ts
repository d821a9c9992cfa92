import { type Recognised, recogniseMessages } from "../messages/recognise_message.ts";
import type { WatchedEvent } from "./watched_event.ts";

/** Beyond this many different failures the oldest are forgotten, and told again if they return. */
const MAX_KINDS = 1000;

/** Tells each kind of failure once, and counts how often it came again. */
export class FailureCounter {
  readonly #counts = new Map<string, number>();

  /** The failures in these lines that were not told before; echoes of others are left out. */
  firstTimes(lines: string[]): Recognised[] {
    const fresh: Recognised[] = [];
    for (const one of recogniseMessages(lines.join("\n"))) {
      if (one.known.every((message) => message.echo)) continue;
      const known = this.#counts.get(one.key);
      this.#counts.set(one.key, (known ?? 0) + one.count);
      if (known === undefined) fresh.push(one);
      if (this.#counts.size > MAX_KINDS) {
        this.#counts.delete(this.#counts.keys().next().value!);
      }
    }
    return fresh;
  }

  /** A daemon's event, the first time that it tells of this failure of this container. */
  firstTime({ key, line, id, link }: WatchedEvent): Recognised | undefined {
    const known = this.#counts.get(key);
    this.#counts.set(key, (known ?? 0) + 1);
    if (this.#counts.size > MAX_KINDS) this.#counts.delete(this.#counts.keys().next().value!);
    if (known !== undefined) return undefined;
    return { key, line, count: 1, known: [], passed: [link], era: undefined, ids: [id] };
  }

  /** How often each kind was seen, the commonest first. */
  summary(): { key: string; count: number }[] {
    const all = [...this.#counts].map(([key, count]) => ({ key, count }));
    return all.sort((left, right) => right.count - left.count);
  }
}
