import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { Events } from "#gen/wire/task-ttrpc/proto/events_pb.ts";
import { OptionsSchema } from "#gen/wire/task-ttrpc/proto/runc_options_pb.ts";
import { DeleteResponseSchema } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { taskClient } from "#wire/task-ttrpc/client/ttrpc_client.ts";
import { TtrpcConnection } from "#wire/task-ttrpc/client/ttrpc_connection.ts";
import { TtrpcDispatch } from "#wire/task-ttrpc/server/ttrpc_dispatch.ts";
import { serveTtrpc, type TtrpcServer } from "#wire/task-ttrpc/server/ttrpc_server.ts";
import { TASK_EVENTS, type TaskTopic } from "#wire/task-ttrpc/task_events.ts";
import type { TaskClient } from "#wire/task-ttrpc/task_service.ts";
import { mustRun } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { type BundleOptions, makeBundle } from "../lib/runtime_bundle.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

export interface SeenEvent {
  topic: string;
  /** Of exits: the exec id, or the container's. */
  id: string;
  containerId: string;
  exitStatus: number;
}

/** A containerd as seen from its shims: starts them, calls them, takes their events. */
export class ShimDriver {
  readonly events: SeenEvent[] = [];
  readonly #sandbox: Sandbox;
  readonly #runtime: string;
  #eventServer: TtrpcServer | undefined;
  #connection: TtrpcConnection | undefined;
  #client: TaskClient | undefined;

  constructor(sandbox: Sandbox, runtime: string = GENUINE.runc) {
    this.#sandbox = sandbox;
    this.#runtime = runtime;
    this.serveEvents();
    sandbox.onClose(() => {
      this.#connection?.close();
      this.#eventServer?.stop(true);
    });
  }

  get task(): TaskClient {
    if (!this.#client) throw new Error("no shim was started");
    return this.#client;
  }

  /** Takes events, as containerd does while it runs. */
  serveEvents(): void {
    const dispatch = new TtrpcDispatch("containerd").add(Events, {
      forward: async ({ envelope }) => {
        const topic = envelope?.topic as TaskTopic;
        const event = fromBinary(TASK_EVENTS[topic], envelope!.event!.value);
        this.events.push({ id: "", exitStatus: 0, ...event, topic });
        return {};
      },
    });
    this.#eventServer = serveTtrpc(this.#sandbox.path("events.sock"), dispatch);
  }

  /** containerd is away. */
  stopEvents(): void {
    this.#eventServer?.stop(true);
    rmSync(this.#sandbox.path("events.sock"), { force: true });
  }

  bundle(id: string): string {
    return this.#sandbox.path("bundles", id);
  }

  /** Runs `start` in a bundle and connects to the address that it prints. */
  async start(id: string): Promise<string> {
    const argv = [binPath("containerd-shim-catena-v2"), ...this.#flags(id), "start"];
    const address = await mustRun(argv, { cwd: this.bundle(id), env: this.#env(), stdin: "" });
    const path = address.replace("unix://", "");
    this.#connection?.close();
    this.#connection = await TtrpcConnection.connect({ path, peer: "shim" });
    this.#client = taskClient(this.#connection, 2);
    return address;
  }

  /** Makes a bundle, and the container in it, with the driver's runtime. */
  async create(id: string, options: BundleOptions, stdio: Record<string, string> = {}) {
    await makeBundle(this.#sandbox, id, options);
    mkdirSync(this.#sandbox.path("runc"), { recursive: true });
    await this.start(id);
    const { terminal = false } = options;
    const streams = { stdin: "", stdout: "", stderr: "", ...stdio };
    const value = toBinary(
      OptionsSchema,
      create(OptionsSchema, { binaryName: this.#runtime, root: this.#sandbox.path("runc") }),
    );
    const runtime = { typeUrl: OptionsSchema.typeName, value };
    return this.task.create(
      { id, bundle: this.bundle(id), terminal, ...streams, options: runtime },
      {},
    );
  }

  async exec(id: string, execId: string, args: string[], stdio: Record<string, string> = {}) {
    const spec = {
      args,
      cwd: "/",
      env: ["PATH=/bin:/usr/bin:/sbin"],
      user: { uid: 0, gid: 0 },
    };
    const any = create(AnySchema, { value: new TextEncoder().encode(JSON.stringify(spec)) });
    await this.task.exec({ id, execId, spec: any, ...stdio }, {});
    return this.task.start({ id, execId }, {});
  }

  /** Runs `delete` for a container whose shim is gone. */
  async deleteCommand(id: string) {
    const flags = [...this.#flags(id), "-bundle", this.bundle(id)];
    const process = Bun.spawn([binPath("containerd-shim-catena-v2"), ...flags, "delete"], {
      cwd: this.bundle(id),
      env: this.#env(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const bytes = new Uint8Array(await new Response(process.stdout).arrayBuffer());
    return fromBinary(DeleteResponseSchema, bytes);
  }

  async shimPid(): Promise<number> {
    return (await this.task.connect({ id: "any" }, {})).shimPid;
  }

  /** The pid of a container's keeper. */
  keeperPid(id: string): number {
    return Number(readFileSync(`${this.bundle(id)}/catena/pid`, "utf8"));
  }

  async killShim(): Promise<void> {
    const pid = await this.shimPid();
    process.kill(pid, "SIGKILL");
    await waitUntil("the shim is dead", () => !existsSync(`/proc/${pid}`) || isZombie(pid));
  }

  /** Waits for an exit event and returns its status. */
  exitOf(id: string): Promise<number> {
    return waitUntil(`the exit of ${id} is told`, () => {
      const event = this.events.find((seen) => seen.topic === "/tasks/exit" && seen.id === id);
      return event ? { status: event.exitStatus } : undefined;
    }).then((found) => found.status);
  }

  #flags(id: string): string[] {
    const address = this.#sandbox.path("containerd.sock");
    return ["-namespace", this.#sandbox.tag, "-address", address, "-id", id];
  }

  #env(): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      // The driver starts a killed shim again itself, as our containerd does.
      CATENA_RESTARTS_SHIMS: "1",
      TTRPC_ADDRESS: this.#sandbox.path("events.sock"),
      CATENA_STATE: this.#sandbox.path("state"),
    };
  }
}

function isZombie(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}
