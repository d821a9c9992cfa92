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
}

/** As many as containerd's own shim keeps; the oldest goes when a further one comes. */
const MAX_QUEUED = 2048;
const CALL_TIMEOUT_MS = 5_000;
/** containerd may be restarting: tried again soon, so that exits are told within two seconds. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;

/**
 * Hands events to containerd in order, one at a time, until each was taken. While containerd is
 * away they wait; nothing is reordered, and nothing but an overflow is dropped.
 */
export class EventPublisher {
  readonly #path: string;
  readonly #namespace: string;
  readonly #onDrop: (topic: string) => void;
  readonly #queue: QueuedEvent[] = [];
  #connection: TtrpcConnection | undefined;
  #client: ServiceClient<typeof Events> | undefined;
  #running = false;
  #idle = Promise.withResolvers<void>();

  /** `path` is containerd's ttrpc socket (TTRPC_ADDRESS); empty when nobody wants events. */
  constructor(path: string, namespace: string, onDrop: (topic: string) => void) {
    this.#path = path;
    this.#namespace = namespace;
    this.#onDrop = onDrop;
    this.#idle.resolve();
  }

  /** Queues one event; `told` is called once containerd has taken it. */
  publish(topic: string, event: QueuedEvent["event"], told?: () => void): void {
    if (this.#path === "") return;
    const ms = Date.now();
    const at = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
    if (this.#queue.length >= MAX_QUEUED) {
      const dropped = this.#queue.shift();
      if (dropped) this.#onDrop(dropped.topic);
    }
    this.#queue.push({ topic, event, at, told });
    if (!this.#running) void this.#run();
  }

  /** Resolves when everything queued has been taken, or after `ms`. */
  async flush(ms: number): Promise<void> {
    await Promise.race([this.#idle.promise, Bun.sleep(ms)]);
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#idle = Promise.withResolvers<void>();
    let pause = FIRST_RETRY_MS;
    while (this.#queue.length > 0) {
      const next = this.#queue[0]!;
      try {
        await this.#send(next);
        if (this.#queue[0] === next) this.#queue.shift();
        next.told?.();
        pause = FIRST_RETRY_MS;
      } catch {
        this.#connection?.close();
        this.#connection = undefined;
        await Bun.sleep(pause);
        pause = Math.min(pause * 2, LAST_RETRY_MS);
      }
    }
    this.#running = false;
    this.#idle.resolve();
  }

  async #send({ topic, event, at }: QueuedEvent): Promise<void> {
    if (!this.#connection || this.#connection.closed) {
      this.#connection = await TtrpcConnection.connect({ path: this.#path, peer: "containerd" });
      this.#client = ttrpcClient(Events, this.#connection);
    }
    const namespace = this.#namespace;
    await this.#client!.forward(
      { envelope: { timestamp: at, namespace, topic, event } },
      { namespace, timeoutMs: CALL_TIMEOUT_MS },
    );
  }
}
