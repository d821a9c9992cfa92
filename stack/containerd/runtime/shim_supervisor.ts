import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { CreateTaskRequestSchema } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { Log } from "#lib/log/log.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { refuse } from "../metadata/refusal.ts";
import {
  type Bundle,
  type BundleRoots,
  createBundle,
  deleteBundle,
  readBundleFile,
} from "./bundle.ts";
import { isOurs } from "./runtime_path.ts";
import { type DaemonAddresses, type ShimAddress, startShim } from "./shim_command.ts";
import { isConnectionLost, ShimLink } from "./shim_link.ts";
import type { ShimLogs } from "./shim_log.ts";
import { Task } from "./task.ts";
import { TaskTable } from "./task_table.ts";

/** A shim is told to end, and left to itself after this long. */
const SHUTDOWN_MS = 3_000;
const CLEANUP_MS = 5_000;
/** A container with this annotation does not share its namespace's shim. */
const GROUPING_ANNOTATION = '"io.catena.shim.grouping"';

export interface SupervisorParts {
  roots: BundleRoots;
  addresses: DaemonAddresses;
  logs: ShimLogs;
  log: Log;
  /** Shims log more. */
  debug: boolean;
  /** Called with the tasks of a shim whose connection ended unasked. */
  lost(tasks: Task[]): void;
}

export interface TaskRequest {
  namespace: string;
  id: string;
  /** The shim's executable. */
  binary: string;
  /** config.json. */
  spec: Uint8Array;
  runtimeOptions: Any | undefined;
  /** The rest of the shim's Create request. */
  create: MessageInitShape<typeof CreateTaskRequestSchema>;
}

/** Starts shims, keeps the connections to them, and knows which task is served by which. */
export class ShimSupervisor {
  readonly tasks = new TaskTable();
  readonly #parts: SupervisorParts;
  readonly #links = new Map<string, ShimLink>();
  /** Shims that serve a whole namespace, by executable and namespace. */
  readonly #shared = new Map<string, ShimAddress>();
  readonly #starting = new Set<string>();

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** Makes a bundle, finds or starts its shim, and creates the container there. */
  async create(request: TaskRequest, context: CallContext): Promise<{ task: Task; pid: number }> {
    const { namespace, id } = request;
    const key = `${namespace}\0${id}`;
    if (this.#starting.has(key) || this.tasks.get(namespace, id)) {
      throw refuse("already_exists", `task ${id}`);
    }
    this.#starting.add(key);
    try {
      return await this.#create(request, context);
    } finally {
      this.#starting.delete(key);
    }
  }

  async #create(request: TaskRequest, context: CallContext): Promise<{ task: Task; pid: number }> {
    const { roots, logs } = this.#parts;
    const bundle = createBundle(roots, request.namespace, request.id, request.spec);
    let task: Task;
    try {
      logs.open(bundle);
      const link = await this.#shimFor(bundle, request, context);
      writeFileSync(join(bundle.path, "shim-binary-path"), request.binary, { mode: 0o600 });
      task = new Task(bundle, request.binary, link);
      this.tasks.add(task);
    } catch (error) {
      this.#discard(bundle);
      throw started(error, "failed to start shim: start failed");
    }
    try {
      const create = { ...request.create, id: request.id, bundle: bundle.path };
      const { pid } = await this.#createAtShim(task, create, request, context);
      task.creating = false;
      return { task, pid };
    } catch (error) {
      await this.#abandon(task);
      throw started(error, "failed to create shim task");
    }
  }

  /** A shim that was found alive may just have ended for lack of containers: one more attempt. */
  async #createAtShim(
    task: Task,
    create: MessageInitShape<typeof CreateTaskRequestSchema>,
    { binary, runtimeOptions }: TaskRequest,
    context: CallContext,
  ): Promise<{ pid: number }> {
    try {
      return await task.call((client) => client.create(create, context));
    } catch (error) {
      if (!isConnectionLost(error) || !isOurs(binary)) throw error;
      task.attach(await this.startIn(task.bundle, binary, { runtimeOptions, context }));
      // It may have come as far as making the container.
      await task.call((client) => client.delete({ id: task.id }, context)).catch(() => {});
      return await task.call((client) => client.create(create, context));
    }
  }

  /**
   * Lets go of a task that its shim has deleted: the shim may end, the bundle goes. A failure is
   * logged; the next start cleans up.
   */
  async release(task: Task): Promise<void> {
    task.deleting = true;
    this.tasks.remove(task);
    const context = { namespace: task.namespace, timeoutMs: SHUTDOWN_MS };
    const { link } = task;
    const told = link.client.shutdown({ id: task.id, now: false }, context).catch(() => {
      // It may end before it answers; that is what was asked of it.
    });
    // A shim of our own only notes it; a genuine one ends, and its bundle must outlive that. While
    // it is ending, `start` for the same container would still name it.
    if (!isOurs(task.binary)) {
      await told;
      if (link.tasks.size === 1) await link.ended(SHUTDOWN_MS);
    }
    task.detach();
    this.#dropUnused(link);
    this.#discard(task.bundle);
  }

  /** Connects to a shim's socket, or finds the connection that is there already. */
  async connect(address: ShimAddress): Promise<ShimLink> {
    const known = this.#links.get(address.path);
    if (known?.alive) return known;
    const link = await ShimLink.connect(address, (lost) => this.#lost(lost));
    const rival = this.#links.get(address.path);
    if (rival?.alive) {
      link.close();
      return rival;
    }
    this.#links.set(address.path, link);
    return link;
  }

  /** Runs the shim's `start` in a bundle and connects to the shim that it names. */
  async startIn(
    bundle: Bundle,
    binary: string,
    options: { runtimeOptions: Any | undefined; context: CallContext },
  ): Promise<ShimLink> {
    const { addresses, debug } = this.#parts;
    const address = await startShim(binary, bundle, addresses, {
      runtimeOptions: options.runtimeOptions,
      trace: options.context.trace,
      debug,
    });
    return await this.connect(address);
  }

  /** Takes note that a shim of ours, found after a restart, serves its whole namespace. */
  share(task: Task): void {
    const spec = readBundleFile(task.bundle, "config.json") ?? "";
    if (!isOurs(task.binary) || spec.includes(GROUPING_ANNOTATION)) return;
    this.#shared.set(`${task.binary}\0${task.namespace}`, task.link.address);
  }

  /** Ends the connections. Shims and containers live on. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  async #shimFor(bundle: Bundle, request: TaskRequest, context: CallContext): Promise<ShimLink> {
    const { binary, runtimeOptions } = request;
    const sharing = isOurs(binary) && !Buffer.from(request.spec).includes(GROUPING_ANNOTATION);
    const key = `${binary}\0${bundle.namespace}`;
    const address = sharing ? this.#shared.get(key) : undefined;
    const link = address && this.#links.get(address.path);
    if (address && link?.alive) {
      // What `start` would do, without the process: a bundle that names it keeps the shim alive.
      writeFileSync(join(bundle.path, "address"), `unix://${address.path}`, { mode: 0o600 });
      return link;
    }
    const found = await this.startIn(bundle, binary, { runtimeOptions, context });
    if (sharing) this.#shared.set(key, found.address);
    return found;
  }

  async #abandon(task: Task): Promise<void> {
    const context = { namespace: task.namespace, timeoutMs: CLEANUP_MS };
    task.deleting = true;
    await task.link.client.delete({ id: task.id }, context).catch(() => {
      // The shim has already unwound what it could, or it is gone.
    });
    await this.release(task);
  }

  #lost(link: ShimLink): void {
    this.#forget(link);
    const tasks = [...link.tasks].filter((task) => !task.deleting && !task.creating);
    if (tasks.length > 0) this.#parts.lost(tasks);
  }

  #dropUnused(link: ShimLink): void {
    if (link.tasks.size > 0) return;
    // The shim of a namespace stays for a while; it ends the connection itself.
    if ([...this.#shared.values()].some(({ path }) => path === link.address.path)) return;
    this.#forget(link);
    link.close();
  }

  #forget(link: ShimLink): void {
    const { path } = link.address;
    if (this.#links.get(path) === link) this.#links.delete(path);
    for (const [key, address] of this.#shared) {
      if (address.path === path) this.#shared.delete(key);
    }
  }

  #discard(bundle: Bundle): void {
    this.#parts.logs.close(bundle);
    try {
      deleteBundle(bundle);
    } catch (error) {
      this.#parts.log.error("delete bundle", { bundle: bundle.path, error: String(error) });
    }
  }
}

function started(error: unknown, message: string) {
  const inner = toChainError(error, "containerd", "shim.start");
  return inner.wrap({ layer: "containerd", op: "tasks.create", code: inner.outer.code, message });
}
