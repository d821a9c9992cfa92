import { monotonicNs, type SpanRecord } from "#lib/trace/span.ts";
import { SpoolFollower } from "#lib/trace/spool_follower.ts";
import { isFailure } from "#lib/trace/telling_span.ts";
import {
  type AssembledTrace,
  assembleTraces,
  reachedRuntime,
} from "#tools/cli/trace/assemble_trace.ts";
import { ownNanoseconds } from "#tools/cli/trace/own_time.ts";
import type { TraceRow, WaterfallReply } from "../model.ts";

/** Traces kept; the oldest go first. */
const MAX_TRACES = 400;
const MAX_SPANS = 2_000;
const MAX_NAME = 300;
const NS_PER_MS = 1e6;
/** Traces over which a link's median is taken. */
const RECENT = 50;

/** The latest traces of this host, as they are spooled. */
export class TraceShelf {
  readonly #follower: SpoolFollower;
  /** In the order in which they were last added to. */
  readonly #spans = new Map<string, SpanRecord[]>();
  readonly #assembled = new Map<string, AssembledTrace>();

  constructor(stateDir: string) {
    this.#follower = new SpoolFollower(stateDir, true);
  }

  /** Takes in what was spooled since. Returns whether there was anything. */
  poll(): boolean {
    const fresh = this.#follower.poll();
    for (const span of fresh) {
      const known = this.#spans.get(span.traceId) ?? [];
      if (known.length < MAX_SPANS) known.push(span);
      this.#spans.delete(span.traceId);
      this.#spans.set(span.traceId, known);
      this.#assembled.delete(span.traceId);
    }
    for (const traceId of this.#spans.keys()) {
      if (this.#spans.size <= MAX_TRACES) break;
      this.#spans.delete(traceId);
      this.#assembled.delete(traceId);
    }
    return fresh.length > 0;
  }

  /** The latest first, those that a runtime was reached by before the rest of the same moment. */
  rows(limit: number): TraceRow[] {
    const offsetMs = Date.now() - monotonicNs() / NS_PER_MS;
    const all = [...this.#spans.keys()].map((traceId) => this.#trace(traceId)!);
    const latest = all.sort((left, right) => right.startNs - left.startNs).slice(0, limit);
    return latest.map((trace) => {
      const first = trace.rows[0]!.span;
      return {
        traceId: trace.traceId,
        timeMs: Math.round(trace.startNs / NS_PER_MS + offsetMs),
        durationMs: (trace.endNs - trace.startNs) / NS_PER_MS,
        name: first.name.slice(0, MAX_NAME),
        link: first.layer,
        spans: trace.rows.length,
        failed: trace.rows.some(({ span }) => isFailure(span)),
        reached: reachedRuntime(trace),
      };
    });
  }

  /** One trace, span by span. */
  waterfall(traceId: string): WaterfallReply | undefined {
    const trace = this.#trace(traceId);
    if (!trace) return undefined;
    const { own, betweenNs } = ownNanoseconds(trace);
    const offsetMs = Date.now() - monotonicNs() / NS_PER_MS;
    return {
      traceId,
      timeMs: Math.round(trace.startNs / NS_PER_MS + offsetMs),
      durationMs: (trace.endNs - trace.startNs) / NS_PER_MS,
      betweenMs: betweenNs / NS_PER_MS,
      spans: trace.rows.map(({ span, depth }, index) => ({
        link: span.layer,
        name: span.name.slice(0, MAX_NAME),
        depth,
        offsetMs: (span.startNs - trace.startNs) / NS_PER_MS,
        durationMs: (span.endNs - span.startNs) / NS_PER_MS,
        ownMs: own[index]! / NS_PER_MS,
        error: span.error ?? null,
      })),
    };
  }

  /** The trace as `catena trace` has it, for comparing. */
  trace(traceId: string): AssembledTrace | undefined {
    return this.#trace(traceId);
  }

  /** What each link took itself in the latest traces that reached a runtime: medians, failures. */
  linkFigures(): Map<string, { medianMs: number; failures: number }> {
    const byLink = new Map<string, { times: number[]; failures: number }>();
    const all = [...this.#spans.keys()].map((traceId) => this.#trace(traceId)!);
    for (const trace of all.filter(reachedRuntime).slice(-RECENT)) {
      const { own } = ownNanoseconds(trace);
      const sums = new Map<string, number>();
      trace.rows.forEach(({ span }, index) => {
        sums.set(span.layer, (sums.get(span.layer) ?? 0) + own[index]!);
        if (isFailure(span)) figure(byLink, span.layer).failures += 1;
      });
      for (const [layer, ns] of sums) figure(byLink, layer).times.push(ns / NS_PER_MS);
    }
    return new Map(
      [...byLink].map(([link, { times, failures }]) => {
        const sorted = times.sort((left, right) => left - right);
        return [link, { medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0, failures }];
      }),
    );
  }

  #trace(traceId: string): AssembledTrace | undefined {
    const known = this.#assembled.get(traceId);
    if (known) return known;
    const spans = this.#spans.get(traceId);
    const [trace] = spans ? assembleTraces([...spans]) : [];
    if (trace) this.#assembled.set(traceId, trace);
    return trace;
  }
}

function figure(byLink: Map<string, { times: number[]; failures: number }>, link: string) {
  const known = byLink.get(link) ?? { times: [], failures: 0 };
  byLink.set(link, known);
  return known;
}
