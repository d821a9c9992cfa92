import type { Any } from "@bufbuild/protobuf/wkt";
import { Events } from "#gen/wire/task-ttrpc/proto/events_pb.ts";
import type { ServiceClient } from "#lib/rpc/service.ts";
import { ttrpcClient } from "#wire/task-ttrpc/client/ttrpc_client.ts";
import { TtrpcConnection } from "#wire/task-ttrpc/client/ttrpc_connection.ts";

interface QueuedEvent {
  topic: string;
  event: Pick<Any, "typeUrl" | "value">;
  at: { seconds: bigint; nanos: number };
  told: (() => void) | undefined;
  taken: boolean;
}

export interface PublisherOptions {
  /** containerd's ttrpc socket (TTRPC_ADDRESS); empty when nobody wants events. */
  path: string;
  namespace: string;
  /** containerd takes the events of one connection in their order, without waiting for each. */
  ordered?: boolean;
  onDrop(topic: string): void;
}

/** As many as containerd's own shim keeps; the oldest goes when a further one comes. */
const MAX_QUEUED = 2048;
/** Events under way at a time to a containerd that keeps their order. */
const MAX_UNDER_WAY = 16;
const CALL_TIMEOUT_MS = 5_000;
/** containerd may be restarting: tried again soon, so that exits are told within two seconds. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;

/**
 * Hands events to containerd in order until each was taken: one at a time, as genuine containerd
 * answers requests in any order, or several to one that keeps the order. While containerd is away
 * they wait; nothing is reordered, and nothing but an overflow is dropped.
 */
export class EventPublisher {
  readonly #options: PublisherOptions;
  readonly #window: number;
  readonly #queue: QueuedEvent[] = [];
  /** How many from the head of the queue are under way. */
  #sent = 0;
  #connection: TtrpcConnection | undefined;
  #client: ServiceClient<typeof Events> | undefined;
  /** A start, a connection attempt or a pause after a failure is pending. */
  #busy = false;
  #pause = FIRST_RETRY_MS;
  #idle = Promise.withResolvers<void>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#window = options.ordered ? MAX_UNDER_WAY : 1;
    this.#idle.resolve();
  }

  /** Queues one event; `told` is called once containerd has taken it. */
  publish(topic: string, event: QueuedEvent["event"], told?: () => void): void {
    if (this.#options.path === "") return;
    const ms = Date.now();
    const at = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
    if (this.#queue.length >= MAX_QUEUED) this.#dropOldest();
    if (this.#queue.length === 0) this.#idle = Promise.withResolvers<void>();
    this.#queue.push({ topic, event, at, told, taken: false });
    if (this.#busy) return;
    this.#busy = true;
    // After the answer to whoever caused the event: nobody waits for the event itself.
    setImmediate(() => this.#work());
  }

  /** Resolves when everything queued has been taken, or after `ms`. */
  async flush(ms: number): Promise<void> {
    await Promise.race([this.#idle.promise, Bun.sleep(ms)]);
  }

  #dropOldest(): void {
    const [dropped] = this.#queue.splice(this.#sent, 1);
    if (dropped) this.#options.onDrop(dropped.topic);
  }

  async #work(): Promise<void> {
    try {
      await this.#connect();
    } catch {
      this.#workLater();
      return;
    }
    this.#busy = false;
    this.#send();
  }

  async #connect(): Promise<void> {
    if (this.#connection && !this.#connection.closed) return;
    this.#connection = await TtrpcConnection.connect({
      path: this.#options.path,
      peer: "containerd",
    });
    this.#client = ttrpcClient(Events, this.#connection);
  }

  #send(): void {
    const connection = this.#connection;
    while (this.#sent < this.#queue.length && this.#sent < this.#window) {
      const next = this.#queue[this.#sent]!;
      this.#sent += 1;
      this.#forward(next).then(
        () => this.#taken(next),
        () => this.#failed(connection),
      );
    }
  }

  async #forward({ topic, event, at }: QueuedEvent): Promise<void> {
    const { namespace } = this.#options;
    const envelope = { timestamp: at, namespace, topic, event };
    await this.#client!.forward({ envelope }, { namespace, timeoutMs: CALL_TIMEOUT_MS });
  }

  #taken(event: QueuedEvent): void {
    if (event.taken) return;
    event.taken = true;
    this.#pause = FIRST_RETRY_MS;
    while (this.#queue[0]?.taken) {
      this.#queue.shift()?.told?.();
      this.#sent = Math.max(0, this.#sent - 1);
    }
    if (this.#queue.length === 0) this.#idle.resolve();
    else if (!this.#busy) this.#send();
  }

  /** Everything that was not taken goes again, in order, over a new connection. */
  #failed(connection: TtrpcConnection | undefined): void {
    if (connection !== this.#connection) return;
    connection?.close();
    this.#connection = undefined;
    for (let at = this.#queue.length - 1; at >= 0; at--) {
      if (!this.#queue[at]!.taken) continue;
      const [taken] = this.#queue.splice(at, 1);
      taken?.told?.();
    }
    this.#sent = 0;
    this.#busy = true;
    this.#workLater();
  }

  /** By a timer, not by a call: a chain of waiting calls would grow while containerd is away. */
  #workLater(): void {
    setTimeout(() => void this.#work(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LAST_RETRY_MS);
  }
}
