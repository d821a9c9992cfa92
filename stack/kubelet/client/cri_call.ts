import { ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Tracer } from "#lib/trace/tracer.ts";

/** How often each CRI call was made and how often it failed, and the time that it took. */
export interface CallCounts {
  calls: number;
  errors: number;
  totalMs: number;
}

export interface CriCallerOptions {
  /** The link that serves the CRI, as far as it is known. */
  layer: () => Layer;
  /** Its socket, for messages. */
  address: string;
  tracer: Tracer;
}

/**
 * Makes CRI calls that end: each has a deadline of its own, after which the runtime is said to
 * hang. (Its own time-outs come as errors before that.)
 */
export class CriCaller {
  readonly counts = new Map<string, CallCounts>();
  readonly #options: CriCallerOptions;

  constructor(options: CriCallerOptions) {
    this.#options = options;
  }

  async call<T>(
    op: string,
    limitMs: number,
    work: (context: CallContext) => Promise<T>,
  ): Promise<T> {
    const span = this.#options.tracer.start(op);
    const controller = new AbortController();
    const begun = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const hung = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#hung(op, limitMs));
        controller.abort();
      }, limitMs);
    });
    try {
      const context = { trace: span.context, signal: controller.signal, timeoutMs: 2 * limitMs };
      const result = await Promise.race([work(context), hung]);
      this.#count(op, begun, false);
      span.end();
      return result;
    } catch (thrown) {
      this.#count(op, begun, true);
      span.end(thrown);
      throw this.#framed(thrown, op);
    } finally {
      clearTimeout(timer);
    }
  }

  #hung(op: string, limitMs: number): ChainError {
    const { address, layer } = this.#options;
    return failure({
      layer: layer(),
      op,
      code: "deadline_exceeded",
      message: `${op}: no answer within ${limitMs} ms`,
      causeId: "cri-hung",
      cause: `the container runtime at ${address} accepts calls and does not answer them`,
      fix: "look at its process (stopped, or in state D) with catena doctor; restart it",
      evidence: [{ kind: "path", value: `no answer for ${limitMs} ms`, ref: address }],
    });
  }

  /** A refused connection has a cause of its own: all other errors are the runtime's words. */
  #framed(thrown: unknown, op: string): ChainError {
    const error = toChainError(thrown, this.#options.layer(), op);
    if (error.outer.code !== "unavailable" || error.causeId !== undefined) return error;
    if (!/^dial unix/.test(error.root.message)) return error;
    const { frames, id } = error;
    const down = { ...frames[frames.length - 1]!, causeId: "cri-down" };
    return new ChainError([...frames.slice(0, -1), down], { id });
  }

  #count(op: string, begun: number, failed: boolean): void {
    const counts = this.counts.get(op) ?? { calls: 0, errors: 0, totalMs: 0 };
    counts.calls += 1;
    counts.totalMs += performance.now() - begun;
    if (failed) counts.errors += 1;
    this.counts.set(op, counts);
  }
}
