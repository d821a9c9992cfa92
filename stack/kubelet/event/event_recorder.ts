import type { Log } from "#lib/log/log.ts";

/** What an event is about, as v1 ObjectReference. */
export interface EventObject {
  kind: "Pod" | "Node" | "Manifest";
  name: string;
  namespace: string;
  uid: string;
  /** `spec.containers{web}` for one container of a pod. */
  fieldPath?: string;
}

export interface RecordedEvent {
  object: EventObject;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  count: number;
  firstMs: number;
  lastMs: number;
  /** What a machine can read of a failure: cause, link and fix. */
  details?: Record<string, string>;
}

export interface EventInit {
  object: EventObject;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  /** Events with one key, but for ids and numbers in it, are one. Default: their message. */
  key?: string;
  details?: Record<string, string>;
}

const MAX_EVENTS = 2_000;
const KEEP_MS = 3_600_000;

/**
 * What happened on this node. Events that say the same are one event with a count, which goes to
 * the log at its 1st, 10th, 100th … time only.
 */
export class EventRecorder {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #events = new Map<string, RecordedEvent>();

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  record(init: EventInit): void {
    const { object, type, reason, message, details } = init;
    const key = JSON.stringify([
      ...[object.kind, object.namespace, object.name, object.uid, object.fieldPath],
      ...[type, reason, stable(init.key ?? message)],
    ]);
    const now = this.#now();
    const before = this.#events.get(key);
    const event: RecordedEvent = {
      ...{ object, type, reason, message, count: (before?.count ?? 0) + 1 },
      firstMs: before?.firstMs ?? now,
      lastMs: now,
      ...(details && { details }),
    };
    // Put last: the map's order is that of the last occurrence.
    this.#events.delete(key);
    this.#events.set(key, event);
    this.#drop(now);
    if (Number.isInteger(Math.log10(event.count))) this.#write(event);
  }

  /** All events of the last hour, the one that happened last at the end. */
  list(): RecordedEvent[] {
    this.#drop(this.#now());
    return [...this.#events.values()];
  }

  #drop(now: number): void {
    for (const [key, event] of this.#events) {
      if (this.#events.size <= MAX_EVENTS && now - event.lastMs <= KEEP_MS) return;
      this.#events.delete(key);
    }
  }

  #write({ object, type, reason, message, count }: RecordedEvent): void {
    const where = object.namespace === "" ? object.name : `${object.namespace}/${object.name}`;
    const fields = {
      object: `${object.kind} ${where}`,
      ...(object.fieldPath && { field: object.fieldPath }),
      reason,
      ...(count > 1 && { count }),
    };
    if (type === "Warning") this.#log.warn(message, fields);
    else this.#log.info(message, fields);
  }
}

/** A text without what changes from time to time: ids of containers and errors, numbers. */
function stable(text: string): string {
  return text.replace(/\(catena explain [a-z0-9]+\)|\b[0-9a-f]{12,64}\b|\d+/g, "");
}
