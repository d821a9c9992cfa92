import type { ProbeKind, ProbeSpec } from "../spec/probe_spec.ts";
import type { ActionOutcome } from "./action_outcome.ts";

/** The container that a probe asks now. */
export interface ProbedContainer {
  id: string;
  startedMs: number;
  /** Its startup probe passed, or it has none. */
  started: boolean;
}

export interface ProbeWorkerOptions {
  kind: ProbeKind;
  spec: ProbeSpec;
  /** The container as it is now, if it runs. */
  container: () => ProbedContainer | undefined;
  run: (containerId: string) => Promise<ActionOutcome>;
  /** The verdict on a container changed: true for success. */
  decided: (containerId: string, success: boolean) => void;
  /** Each single outcome, for events and counters. */
  ran: (containerId: string, outcome: ActionOutcome) => void;
  now?: () => number;
}

/**
 * One probe of one container, at its period, as the kubelet's prober: thresholds, initial delay,
 * nothing but startup until the startup probe passed, and on hold after a verdict that ends the
 * container, until there is a new one. What could not be executed counts neither way.
 */
export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #container = "";
  #onHold = false;
  #last: boolean | undefined;
  #run = 0;
  #verdict: boolean | undefined;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Begins; `delayMs` spreads the probes of a node's pods over time. */
  start(delayMs: number): void {
    this.#later(delayMs);
  }

  stop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** One turn: probes if it is time to. Resolves when its outcome was taken in. */
  async turn(): Promise<void> {
    const container = this.#options.container();
    if (!container) return;
    if (container.id !== this.#container) this.#begin(container.id);
    if (!this.#isDue(container)) return;
    const outcome = await this.#options.run(container.id);
    if (this.#closed) return;
    this.#options.ran(container.id, outcome);
    if (outcome.result === "notExecuted") return;
    this.#count(outcome.result === "success");
  }

  #begin(id: string): void {
    this.#container = id;
    this.#onHold = false;
    this.#last = undefined;
    this.#run = 0;
    this.#verdict = undefined;
  }

  #isDue({ started, startedMs }: ProbedContainer): boolean {
    const { kind, spec } = this.#options;
    if (this.#onHold || started === (kind === "startup")) return false;
    return this.#now() - startedMs >= spec.initialDelaySeconds * 1000;
  }

  #count(success: boolean): void {
    const { kind, spec, decided } = this.#options;
    this.#run = success === this.#last ? this.#run + 1 : 1;
    this.#last = success;
    const threshold = success ? spec.successThreshold : spec.failureThreshold;
    if (this.#run < threshold) return;
    if (!success && kind !== "readiness") {
      this.#onHold = true;
      this.#run = 0;
    }
    if (this.#verdict === success) return;
    this.#verdict = success;
    decided(this.#container, success);
  }

  #later(delayMs: number): void {
    this.#timer = setTimeout(() => {
      const begun = this.#now();
      void this.turn().finally(() => {
        if (this.#closed) return;
        const took = this.#now() - begun;
        // A probe that takes longer than its period is not run twice at a time.
        this.#later(Math.max(0, this.#options.spec.periodSeconds * 1000 - took));
      });
    }, delayMs);
  }
}
