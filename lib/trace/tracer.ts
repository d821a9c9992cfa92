import type { Layer } from "../errors/frame.ts";
import {
  monotonicNs,
  newSpanId,
  newTraceContext,
  type SpanRecord,
  type TraceContext,
} from "./span.ts";
import { isFailure, isSlow } from "./telling_span.ts";

/** Takes finished spans; must not throw and must not block. */
export interface SpanSink {
  add(span: SpanRecord): void;
  /** Takes spans that cost time to make: such a sink makes them once nobody waits for it. */
  later?(make: () => readonly SpanRecord[]): void;
}

/** A request that takes this long is slow. */
const SLOW_NS = 1_000_000_000;

type Attributes = Record<string, string | number | boolean>;

/** A span under way. `end` may be called once; later calls are ignored. */
export class Span {
  readonly context: TraceContext;
  readonly #record: SpanRecord;
  readonly #sink: SpanSink | undefined;
  #ended = false;

  constructor(sink: SpanSink | undefined, layer: Layer, name: string, parent?: TraceContext) {
    const base = parent ?? newTraceContext();
    const spanId = parent ? newSpanId() : base.spanId;
    this.context = { ...base, spanId };
    this.#sink = sink;
    this.#record = { traceId: base.traceId, spanId, layer, name, startNs: monotonicNs(), endNs: 0 };
    if (parent) this.#record.parentId = parent.spanId;
  }

  set(attributes: Attributes): this {
    this.#record.attributes = { ...this.#record.attributes, ...attributes };
    return this;
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#record.endNs = monotonicNs();
    if (error !== undefined) {
      this.#record.error = error instanceof Error ? error.message : String(error);
    }
    if (this.context.sampled || isTelling(this.#record)) this.#sink?.add(this.#record);
  }
}

/** What fails or is slow is recorded whoever decided not to sample it. */
function isTelling(record: SpanRecord): boolean {
  return isFailure(record) || isSlow(record, SLOW_NS);
}

/** Starts spans of one layer into one sink. Without a sink it costs a few allocations. */
export class Tracer {
  readonly layer: Layer;
  readonly sink: SpanSink | undefined;

  constructor(layer: Layer, sink?: SpanSink) {
    this.layer = layer;
    this.sink = sink;
  }

  start(name: string, parent?: TraceContext): Span {
    return new Span(this.sink, this.layer, name, parent);
  }

  /** Runs `work` inside a span; its failure is noted on the span and thrown on. */
  async span<T>(
    name: string,
    parent: TraceContext | undefined,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const span = this.start(name, parent);
    try {
      const result = await work(span);
      span.end();
      return result;
    } catch (error) {
      span.end(error);
      throw error;
    }
  }
}
