import type { Monitor } from "#tools/monitor/monitor.ts";
import type { ContainerRow, LiveEvent, StackHealth } from "../model.ts";
import { chainHealth } from "./chain_health.ts";
import { containerRow, hostRow } from "./container_rows.ts";
import type { FailureShelf } from "./failure_shelf.ts";
import type { TraceShelf } from "./trace_shelf.ts";

const TRACES_TOLD = 60;
const CHAIN_EVERY_MS = 10_000;

/** Takes events as they are; must not throw. */
export type LiveListener = (event: LiveEvent) => void;

/** Tells pages what changed, once after each round of the monitor. */
export class LiveFeed {
  readonly #monitor: Monitor;
  readonly #traces: TraceShelf;
  readonly #failures: FailureShelf;
  readonly #listeners = new Set<LiveListener>();
  /** As they were told last, with their text to compare by. */
  #rows = new Map<string, { row: ContainerRow; text: string }>();
  #stacks: StackHealth[] = [];
  #stacksFresh = false;
  #nextChainMs = 0;
  #endRounds: (() => void) | undefined;

  constructor(monitor: Monitor, traces: TraceShelf, failures: FailureShelf) {
    this.#monitor = monitor;
    this.#traces = traces;
    this.#failures = failures;
  }

  start(): void {
    this.#endRounds = this.#monitor.onRound(() => this.#tell());
    this.#tell();
  }

  stop(): void {
    this.#endRounds?.();
    this.#listeners.clear();
  }

  /** Tells everything at once, then what changes. Returns what ends that. */
  subscribe(listener: LiveListener): () => void {
    listener({
      timeMs: Date.now(),
      host: hostRow(this.#monitor.host),
      rows: [...this.#rows.values()].map(({ row }) => row),
      gone: [],
      stacks: this.#stacks,
      traces: this.#traces.rows(TRACES_TOLD),
      failures: this.#failures.rows(),
    });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    const { rows, gone } = this.#changes();
    if (Date.now() >= this.#nextChainMs) void this.#lookAtChain();
    const traces = this.#traces.poll() ? this.#traces.rows(TRACES_TOLD) : undefined;
    const failures = this.#failures.poll();
    const event: LiveEvent = {
      timeMs: Date.now(),
      host: hostRow(this.#monitor.host),
      rows,
      gone,
      ...(this.#stacksFresh && { stacks: this.#stacks }),
      ...(traces && { traces }),
      ...(failures && { failures }),
    };
    this.#stacksFresh = false;
    for (const listener of this.#listeners) listener(event);
  }

  #changes(): { rows: ContainerRow[]; gone: string[] } {
    const changed: ContainerRow[] = [];
    const now = new Map<string, { row: ContainerRow; text: string }>();
    for (const [key, watch] of this.#monitor.watches) {
      const row = containerRow(watch);
      if (!row) continue;
      const text = JSON.stringify(row);
      now.set(key, { row, text });
      if (this.#rows.get(key)?.text !== text) changed.push(row);
    }
    const gone = [...this.#rows.keys()].filter((key) => !now.has(key));
    this.#rows = now;
    return { rows: changed, gone };
  }

  async #lookAtChain(): Promise<void> {
    // Not again before this look is over, which a silent daemon can make seconds long.
    this.#nextChainMs = Number.POSITIVE_INFINITY;
    try {
      const { stateDir } = this.#monitor.options;
      this.#stacks = await chainHealth(stateDir, this.#traces.linkFigures());
      this.#stacksFresh = true;
    } finally {
      this.#nextChainMs = Date.now() + CHAIN_EVERY_MS;
    }
  }
}
