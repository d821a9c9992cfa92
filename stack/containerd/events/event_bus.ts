import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Envelope, EnvelopeSchema } from "#gen/wire/containerd-api/proto/types/event_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import { compileFilters, type Filter } from "../filter/filter_match.ts";
import { checkIdentifier } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import { eventField } from "./event_field.ts";
import { EventQueue } from "./event_queue.ts";

/** Subscriptions at one time; each holds a queue. */
const MAX_SUBSCRIBERS = 4096;

/** Events that are kept for subscribers who come back after a restart. */
const MAX_REPLAYED = 4096;
/** What may have happened while no daemon was there; all else was asked of this one. */
const MEANWHILE = ["/tasks/exit", "/tasks/oom", "/tasks/delete"];

interface Subscriber {
  passes: Filter;
  queue: EventQueue<Envelope>;
}

/**
 * Spreads events to every subscriber whose filters let them pass, in the order of publishing.
 *
 * When a daemon comes back, shims tell at once what happened meanwhile, and clients need a moment
 * to subscribe again: for the first `replayMs` ms new subscribers hear how tasks ended since the
 * start.
 */
export class EventBus {
  readonly #subscribers = new Set<Subscriber>();
  readonly #replayUntil: number;
  #recent: Envelope[] = [];

  constructor(replayMs = 0) {
    this.#replayUntil = performance.now() + replayMs;
  }

  /** Publishes one of our own events now. */
  publish<D extends DescMessage>(
    namespace: string,
    topic: string,
    schema: D,
    event: MessageInitShape<D>,
  ): void {
    const value = toBinary(schema, create(schema, event));
    this.#spread(
      create(EnvelopeSchema, {
        timestamp: currentTimestamp(),
        namespace,
        topic,
        // containerd's type URLs are the bare name: Go clients look it up as it is.
        event: { typeUrl: schema.typeName, value },
      }),
    );
  }

  /** Passes on an event that somebody else made. Throws "invalid_argument" for a malformed one. */
  forward(envelope: Envelope): void {
    if (envelope.namespace === "") {
      throw refuse("invalid_argument", "event envelope has invalid namespace");
    }
    checkIdentifier(envelope.namespace, "event envelope has invalid namespace");
    checkTopic(envelope.topic);
    if (!envelope.timestamp) {
      throw refuse("invalid_argument", "timestamp must be set on forwarded event");
    }
    this.#spread(envelope);
  }

  /**
   * Subscribes from this moment on; the stream ends when `signal` aborts. Throws for filters that
   * do not parse.
   */
  subscribe(filters: readonly string[], signal?: AbortSignal): AsyncIterable<Envelope> {
    const passes = compileFilters(filters);
    if (this.#subscribers.size >= MAX_SUBSCRIBERS) {
      const message = `more than ${MAX_SUBSCRIBERS} subscribers`;
      throw failure({
        layer: "containerd",
        op: "events.subscribe",
        code: "resource_exhausted",
        message,
      });
    }
    const queue = new EventQueue<Envelope>(() => {
      this.#subscribers.delete(subscriber);
      signal?.removeEventListener("abort", abort);
    });
    const subscriber = { passes, queue };
    const abort = (): void => queue.end();
    this.#subscribers.add(subscriber);
    if (this.#replaying()) {
      for (const envelope of this.#recent) offer(subscriber, envelope);
    }
    if (signal?.aborted) queue.end();
    else signal?.addEventListener("abort", abort, { once: true });
    return queue.read();
  }

  /** Ends every subscription. */
  close(): void {
    for (const { queue } of [...this.#subscribers]) queue.end();
  }

  #replaying(): boolean {
    return performance.now() < this.#replayUntil;
  }

  #spread(envelope: Envelope): void {
    if (!this.#replaying()) this.#recent = [];
    else if (this.#recent.length < MAX_REPLAYED && MEANWHILE.includes(envelope.topic)) {
      this.#recent.push(envelope);
    }
    for (const subscriber of [...this.#subscribers]) offer(subscriber, envelope);
  }
}

function offer({ passes, queue }: Subscriber, envelope: Envelope): void {
  const read = (path: readonly string[]): string | undefined => {
    switch (path[0]) {
      case "topic":
        return envelope.topic;
      case "namespace":
        return envelope.namespace;
      case "event":
        return eventField(envelope.event, path.slice(1));
      default:
        return undefined;
    }
  };
  if (passes(read)) queue.push(envelope);
}

/** Checks a topic: "/" and identifiers between slashes. */
export function checkTopic(topic: string): void {
  const what = `envelope topic ${JSON.stringify(topic)}`;
  if (topic === "") throw refuse("invalid_argument", `${what}: must not be empty`);
  if (!topic.startsWith("/")) throw refuse("invalid_argument", `${what}: must start with '/'`);
  if (topic.length === 1) {
    throw refuse("invalid_argument", `${what}: must have at least one component`);
  }
  for (const component of topic.slice(1).split("/")) {
    checkIdentifier(
      component,
      `${what}: failed validation on component ${JSON.stringify(component)}`,
    );
  }
}
