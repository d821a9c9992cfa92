import { hostname } from "node:os";
import { ExportTraceServiceRequestSchema } from "#gen/lib/trace/proto/otlp_pb.ts";
import { monotonicNs, type SpanRecord } from "../span.ts";
import { SpoolFollower } from "../spool_follower.ts";
import { type OtlpEndpoint, postOtlp } from "./otlp_client.ts";
import { otlpSpans } from "./otlp_spans.ts";
import { type KeepRule, TraceGatherer } from "./trace_gatherer.ts";

export interface SpanExporterOptions {
  stateDir: string;
  endpoint: OtlpEndpoint;
  rule: KeepRule;
  /** Is told of what could not be sent, at most once for each reason in a row. */
  warn: (message: string, fields: Record<string, unknown>) => void;
}

const POLL_MS = 1_000;
const MAX_BATCH = 512;
/** Waiting to be sent; beyond it the oldest go. */
const MAX_QUEUE = 20_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;

/**
 * Sends the traces of this host to a collector. It follows the spool that every process of the
 * chain appends to, so one connection serves them all and none of them waits for a collector.
 */
export class SpanExporter {
  readonly #options: SpanExporterOptions;
  readonly #follower: SpoolFollower;
  readonly #gatherer: TraceGatherer;
  #queue: SpanRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #backoffMs = 0;
  #nextSendMs = 0;
  #lastReason: string | undefined;
  #stopped = false;
  #turning: Promise<void> | undefined;
  /** Spans that a collector took, and spans that were given up. */
  readonly counts = { sent: 0, dropped: 0 };

  constructor(options: SpanExporterOptions) {
    this.#options = options;
    this.#follower = new SpoolFollower(options.stateDir);
    this.#gatherer = new TraceGatherer(options.rule);
    this.#schedule();
  }

  /** Sends what is there, once and without another try, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turning;
    this.#enqueue(this.#gatherer.add(this.#follower.poll(), Date.now()));
    this.#enqueue(this.#gatherer.flush());
    this.#nextSendMs = 0;
    while (this.#queue.length > 0 && (await this.#sendBatch()));
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#turning = this.#turn();
    }, POLL_MS);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    this.#enqueue(this.#gatherer.add(this.#follower.poll(), Date.now()));
    while (this.#queue.length > 0 && Date.now() >= this.#nextSendMs) {
      if (!(await this.#sendBatch())) break;
    }
    if (!this.#stopped) this.#schedule();
  }

  #enqueue(spans: SpanRecord[]): void {
    this.#queue.push(...spans);
    const over = this.#queue.length - MAX_QUEUE;
    if (over <= 0) return;
    this.#queue = this.#queue.slice(over);
    this.counts.dropped += over;
  }

  /** Returns whether the next batch may follow at once. */
  async #sendBatch(): Promise<boolean> {
    const batch = this.#queue.slice(0, MAX_BATCH);
    const unixOffsetNs = BigInt(Date.now()) * 1_000_000n - BigInt(Math.round(monotonicNs()));
    const request = otlpSpans(batch, unixOffsetNs, hostname());
    const { endpoint } = this.#options;
    const outcome = await postOtlp(
      endpoint,
      "/v1/traces",
      ExportTraceServiceRequestSchema,
      request,
    );
    this.#tell(outcome.reason);
    if (outcome.result === "retry") {
      this.#backoffMs = Math.min(MAX_BACKOFF_MS, this.#backoffMs * 2 || FIRST_BACKOFF_MS);
      this.#nextSendMs = Date.now() + (outcome.retryAfterMs ?? this.#backoffMs);
      return false;
    }
    this.#backoffMs = 0;
    this.#queue = this.#queue.slice(batch.length);
    if (outcome.result === "taken") this.counts.sent += batch.length;
    else this.counts.dropped += batch.length;
    return true;
  }

  #tell(reason: string | undefined): void {
    if (reason !== undefined && reason !== this.#lastReason) {
      const { endpoint, warn } = this.#options;
      warn("the collector did not take all", { endpoint: endpoint.url, reason });
    }
    this.#lastReason = reason;
  }
}
