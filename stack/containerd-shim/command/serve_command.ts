import { chmodSync, closeSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ambientStateDir } from "#lib/install/install_paths.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import { TtrpcDispatch } from "#wire/task-ttrpc/server/ttrpc_dispatch.ts";
import { serveTtrpc, type TtrpcServer } from "#wire/task-ttrpc/server/ttrpc_server.ts";
import { TASK_SERVICE_NAMES, Task } from "#wire/task-ttrpc/task_service.ts";
import { OomWatch } from "../cgroup/oom_watch.ts";
import { EventPublisher } from "../events/event_publisher.ts";
import { TaskEvents } from "../events/task_events.ts";
import { loadKeeper } from "../keeping/keeper.ts";
import { type Inheritance, ShimRevival } from "../revival/shim_revival.ts";
import { taskService } from "../server/task_service.ts";
import type { RuntimeFactory, ShimContext } from "../shim_context.ts";
import { bundlesOfShim } from "../state/container_record.ts";
import { recoverContainers } from "../state/container_recovery.ts";
import type { ShimArguments } from "./shim_arguments.ts";
import { lockShim } from "./shim_lock.ts";
import { ShimLog } from "./shim_log.ts";

/** The pipe on which `start` waits. */
const READY_FD = 3;
/** A shim without containers stays this long: the next container finds it warm. */
const LINGER_MS = 10_000;
/** A bundle that names this shim but brings no container is looked at again. */
const RECHECK_MS = 5_000;
const FLUSH_MS = 3_000;

/** Serves the Task service until no container needs it. */
export async function serveCommand(
  args: ShimArguments,
  factory: RuntimeFactory,
  prepare: () => void,
): Promise<void> {
  process.umask(0o077);
  const log = new ShimLog(args.debug);
  log.addBundle(args.bundle);
  const serving = new Serving(args, log);
  const sink = new SpoolSink(ambientStateDir());
  const publisher = new EventPublisher({
    path: process.env["TTRPC_ADDRESS"] ?? "",
    namespace: args.namespace,
    ordered: process.env["CATENA_ORDERED_EVENTS"] === "1",
    onDrop: (topic) => log.error("an event was dropped: too many wait for containerd", { topic }),
  });
  const events = new TaskEvents(publisher);
  const shim: ShimContext = {
    namespace: args.namespace,
    address: `unix://${args.socket}`,
    containers: new Map(),
    creating: new Set(),
    runtimeFactory: factory,
    events,
    oom: new OomWatch((id) => events.oom(id)),
    log,
    tracer: new Tracer("shim", sink),
    retire: (id) => serving.retire(id),
  };
  process.on("exit", () => sink.flushSync());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => void serving.end());
  }
  process.on("SIGHUP", () => {});
  try {
    const inheritance = await serving.inherit();
    loadKeeper();
    prepare();
    await recoverContainers(shim, dirname(args.bundle));
    await serving.listen(shim, inheritance);
  } catch (thrown) {
    if (!args.revived) sayReady(thrown instanceof Error ? thrown.message : String(thrown));
    throw thrown;
  }
  if (args.revived) log.warn("the shim was killed: another serves its containers now");
  else sayReady("ok");
}

function sayReady(text: string): void {
  try {
    writeSync(READY_FD, text);
    closeSync(READY_FD);
  } catch {
    // Started by hand: nobody waits.
  }
}

/** When this process listens, and when it ends. */
class Serving {
  readonly #args: ShimArguments;
  readonly #log: ShimLog;
  /** Containers that containerd has let go of: their bundles no longer keep this shim. */
  readonly #retired = new Set<string>();
  readonly #revival: ShimRevival | undefined;
  #server: TtrpcServer | undefined;
  #shim: ShimContext | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(args: ShimArguments, log: ShimLog) {
    this.#args = args;
    this.#log = log;
    if (args.warded || args.revived) this.#revival = revivalOf(args, log);
  }

  /** What a shim that died left to this one, if a warden started this one. */
  async inherit(): Promise<Inheritance | undefined> {
    return this.#args.revived ? await this.#revival?.inherit() : undefined;
  }

  async listen(shim: ShimContext, inheritance: Inheritance | undefined): Promise<void> {
    this.#shim = shim;
    const service = taskService(shim);
    const dispatch = new TtrpcDispatch("shim");
    for (const name of Object.values(TASK_SERVICE_NAMES)) dispatch.add(Task, service, name);
    const { listener } = inheritance ?? {};
    if (listener !== undefined) {
      this.#server = serveTtrpc({ fd: listener }, dispatch, this.#revival);
    } else {
      rmSync(this.#args.socket, { force: true });
      this.#server = serveTtrpc(this.#args.socket, dispatch, this.#revival);
      chmodSync(this.#args.socket, 0o600);
    }
    this.#revival?.listening(this.#server.fd);
    for (const connection of inheritance?.connections ?? []) await this.#server.resume(connection);
    // The former one may have been about to end.
    if (inheritance && shim.containers.size === 0) this.#endLater(LINGER_MS);
  }

  retire(id: string): void {
    this.#retired.add(id);
    this.#endLater(LINGER_MS);
  }

  #endLater(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#endIfUnused(), ms);
  }

  async #endIfUnused(): Promise<void> {
    const shim = this.#shim;
    if (!shim || shim.containers.size > 0 || shim.creating.size > 0) return;
    // While `start` holds the lock it may be about to hand us a container.
    const unlock = lockShim(this.#args.socket, false);
    if (!unlock || this.#expected(shim)) {
      unlock?.();
      this.#endLater(RECHECK_MS);
      return;
    }
    // Still under the lock: what stops listening removes the path, and from the moment that we
    // unlock, the path may be another shim's.
    this.#stopListening();
    rmSync(this.#args.socket, { force: true });
    rmSync(`${this.#args.socket}.lock`, { force: true });
    unlock();
    await this.end();
  }

  /** Whether a bundle names this shim whose container has not come yet. */
  #expected(shim: ShimContext): boolean {
    return bundlesOfShim(dirname(this.#args.bundle), shim.address).some((bundle) => {
      const id = bundle.slice(bundle.lastIndexOf("/") + 1);
      return !this.#retired.has(id);
    });
  }

  /** Takes no more connections; those that are open stay. */
  #stopListening(): void {
    this.#server?.stop(false);
    this.#server = undefined;
  }

  /** Ends this process; containers stay with their keepers, for the next shim to find. */
  async end(): Promise<void> {
    this.#stopListening();
    this.#revival?.leave();
    await this.#shim?.events.flush(FLUSH_MS);
    this.#log.debug("shim ends");
    process.exit(0);
  }
}

function revivalOf(args: ShimArguments, log: ShimLog): ShimRevival {
  const { namespace, id, address, bundle, socket, debug } = args;
  const again = ["-namespace", namespace, "-id", id, "-address", address, "-bundle", bundle];
  again.push("-socket", socket, "-revived", ...(debug ? ["-debug"] : []));
  const failed = (why: string) => log.error("containers will not outlive this shim", { why });
  const parts = { program: process.execPath, name: process.argv0, args: again, failed };
  return new ShimRevival(parts, socket);
}
