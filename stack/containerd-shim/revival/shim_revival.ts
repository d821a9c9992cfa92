import { fromBinary } from "@bufbuild/protobuf";
import { RequestSchema } from "#gen/wire/task-ttrpc/proto/ttrpc_pb.ts";
import type {
  ConnectionRecord,
  ResumedConnection,
} from "#wire/task-ttrpc/server/connection_record.ts";
import { CallJournal, type ConnectionCalls } from "./call_journal.ts";
import { Warden, type WardenParts } from "./warden.ts";

/** The listening socket's key; connections count from 1. */
const LISTENER_KEY = 0;
/** What may be done once more when nobody knows whether it was done: it reads, waits, repeats. */
const REPEATABLE = new Set([
  "State",
  "Wait",
  "Pids",
  "Stats",
  "Connect",
  "CloseIO",
  "ResizePty",
  "Shutdown",
]);

/** What a revived shim found: where it listens, and who is connected. */
export interface Inheritance {
  listener: number | undefined;
  connections: ResumedConnection[];
}

/**
 * Lets this shim's connections outlive it: a warden holds them, a journal knows their open calls.
 * A genuine containerd whose connection ends deletes the container; one whose connection stays sees
 * nothing of a shim that was killed and started again.
 */
export class ShimRevival implements ConnectionRecord {
  readonly #warden: Warden;
  readonly #journalPath: string;
  #journal: CallJournal | undefined;
  #lastKey = LISTENER_KEY;
  #listener: number | undefined;

  /** The journal lies beside `socketPath`. */
  constructor(parts: WardenParts, socketPath: string) {
    this.#warden = new Warden(parts);
    this.#journalPath = `${socketPath}.calls`;
  }

  /** In a shim that the warden started: takes over what its former one had. */
  async inherit(): Promise<Inheritance> {
    const held = await this.#warden.inherit();
    const known = CallJournal.read(this.#journalPath);
    const keys = new Set(held.map(({ key }) => key));
    for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
    const connections: ResumedConnection[] = [];
    for (const { key, fd } of held) {
      this.#lastKey = Math.max(this.#lastKey, key);
      if (key === LISTENER_KEY) this.#listener = fd;
      else connections.push(resumed(key, fd, known.get(key)));
    }
    this.#journal = new CallJournal(this.#journalPath, known);
    return { listener: this.#listener, connections };
  }

  /** The descriptor of the listening socket, held from the first connection on. */
  listening(fd: number): void {
    this.#listener ??= fd;
  }

  opened(fd: number): number {
    this.#journal ??= new CallJournal(this.#journalPath);
    // Not before anybody came: until then `start` waits, and tells of a failure itself.
    if (this.#lastKey === LISTENER_KEY && this.#listener !== undefined) {
      this.#warden.hold(LISTENER_KEY, this.#listener);
    }
    const key = ++this.#lastKey;
    this.#warden.hold(key, fd);
    return key;
  }

  closed(key: number): void {
    this.#warden.drop(key);
    this.#journal?.closed(key);
  }

  asked(key: number, stream: number, data: Uint8Array): void {
    this.#journal?.asked(key, stream, data);
  }

  answered(key: number, stream: number): void {
    this.#journal?.answered(key, stream);
  }

  rest(key: number, bytes: Uint8Array): void {
    this.#journal?.rest(key, bytes);
  }

  /** This shim ends on purpose. */
  leave(): void {
    this.#warden.leave();
    this.#journal?.remove();
    this.#journal = undefined;
  }
}

function resumed(key: number, fd: number, known?: ConnectionCalls): ResumedConnection {
  const calls = [...(known?.calls ?? [])].map(([stream, data]) => ({
    stream,
    data,
    again: isRepeatable(data),
  }));
  return { key, fd, calls, rest: known?.rest ?? new Uint8Array(0) };
}

function isRepeatable(data: Uint8Array): boolean {
  try {
    return REPEATABLE.has(fromBinary(RequestSchema, data).method);
  } catch {
    return false;
  }
}
