import { ChainError } from "#lib/errors/chain_error.ts";
import { endsWithin } from "#lib/wait/work_within.ts";
import { taskClient } from "#wire/task-ttrpc/client/ttrpc_client.ts";
import { TtrpcConnection } from "#wire/task-ttrpc/client/ttrpc_connection.ts";
import type { TaskClient } from "#wire/task-ttrpc/task_service.ts";
import type { ShimAddress } from "./shim_command.ts";
import type { Task } from "./task.ts";

/** The connection to one shim, and the tasks that it serves: one shim may serve many. */
export class ShimLink {
  readonly address: ShimAddress;
  readonly client: TaskClient;
  readonly tasks = new Set<Task>();
  readonly #connection: TtrpcConnection;
  readonly #ended: Promise<void>;
  #closing = false;

  private constructor(address: ShimAddress, connection: TtrpcConnection, ended: Promise<void>) {
    this.#ended = ended;
    this.address = address;
    this.#connection = connection;
    this.client = taskClient(connection, address.version);
  }

  /** Connects; `lost` is called when the connection ends without `close` having been called. */
  static async connect(address: ShimAddress, lost: (link: ShimLink) => void): Promise<ShimLink> {
    let link: ShimLink | undefined;
    const ended = Promise.withResolvers<void>();
    const connection = await TtrpcConnection.connect({
      path: address.path,
      peer: "shim",
      onClose: () => {
        ended.resolve();
        if (link && !link.#closing) lost(link);
      },
    });
    link = new ShimLink(address, connection, ended.promise);
    return link;
  }

  get alive(): boolean {
    return !this.#connection.closed;
  }

  /** Resolves when the shim has hung up, or after `ms`. */
  async ended(ms: number): Promise<void> {
    await endsWithin(this.#ended, ms);
  }

  close(): void {
    this.#closing = true;
    this.#connection.close();
  }
}

/** True when a call failed because its connection ended: what it did is not known. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ChainError && error.frames.some((f) => f.causeId === "ttrpc-closed");
}
