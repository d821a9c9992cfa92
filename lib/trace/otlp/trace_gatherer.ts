import { isInShare, type SpanRecord } from "../span.ts";
import { isFailure, isSlow } from "../telling_span.ts";

/** Which traces are worth sending. */
export interface KeepRule {
  /** Share of traces that are kept whatever they are, 0 to 1. */
  ratio: number;
  /** A trace with a request that took this long is always kept; so is one with a failure. */
  slowMs: number;
}

/** A trace is whole when nothing was added to it for so long. */
const SETTLE_MS = 3_000;
const MAX_OPEN_TRACES = 2_000;
const MAX_SPANS_PER_TRACE = 2_000;
/** Decisions remembered for spans that come later still. */
const MAX_DECISIONS = 10_000;
const MS_TO_NS = 1e6;

/**
 * Puts the spans of a trace together, whatever process wrote them, and then decides on the whole:
 * by the share that is to be kept, by how long it took, by whether something failed.
 */
export class TraceGatherer {
  readonly #rule: KeepRule;
  readonly #open = new Map<string, { spans: SpanRecord[]; touchedMs: number }>();
  readonly #decisions = new Map<string, boolean>();

  constructor(rule: KeepRule) {
    this.#rule = rule;
  }

  /** Takes spans in; returns those that may be sent now. */
  add(spans: readonly SpanRecord[], nowMs: number): SpanRecord[] {
    const out: SpanRecord[] = [];
    for (const span of spans) {
      const decided = this.#decisions.get(span.traceId);
      if (decided !== undefined) {
        // A late failure is worth its span even where the rest was dropped.
        if (decided || isFailure(span)) out.push(span);
        continue;
      }
      const open = this.#open.get(span.traceId) ?? { spans: [], touchedMs: nowMs };
      open.touchedMs = nowMs;
      if (open.spans.length < MAX_SPANS_PER_TRACE) open.spans.push(span);
      this.#open.set(span.traceId, open);
    }
    for (const [traceId, open] of this.#open) {
      const settled = nowMs - open.touchedMs >= SETTLE_MS;
      if (settled || this.#open.size > MAX_OPEN_TRACES) out.push(...this.#decide(traceId));
    }
    return out;
  }

  /** Decides on everything that is still open: the process ends. */
  flush(): SpanRecord[] {
    return [...this.#open.keys()].flatMap((traceId) => this.#decide(traceId));
  }

  #decide(traceId: string): SpanRecord[] {
    const { spans } = this.#open.get(traceId)!;
    this.#open.delete(traceId);
    const keep = keepTrace(traceId, spans, this.#rule);
    this.#decisions.set(traceId, keep);
    if (this.#decisions.size > MAX_DECISIONS) {
      this.#decisions.delete(this.#decisions.keys().next().value!);
    }
    return keep ? spans : [];
  }
}

/** Whether a whole trace is kept. */
export function keepTrace(traceId: string, spans: readonly SpanRecord[], rule: KeepRule): boolean {
  if (spans.some(isFailure)) return true;
  if (spans.some((span) => isSlow(span, rule.slowMs * MS_TO_NS))) return true;
  return isInShare(traceId, rule.ratio);
}
