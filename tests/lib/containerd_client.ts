import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  WriteAction,
  type WriteContentRequestSchema,
} from "#gen/wire/containerd-api/proto/content_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { type ContainerdConnection, connectContainerd } from "#wire/containerd-api/client.ts";
import { IMAGE } from "./busybox_image.ts";
import { mustRun } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { GENUINE } from "./genuine_stack.ts";
import type { Sandbox } from "./sandbox.ts";

/** Bun's HTTP/2 client was seen to stop in the middle of longer messages to a genuine daemon. */
const WRITE_BYTES = 64 * 1024;
const TEMPLATE = "template";
const OPTIONS_TYPE = "containerd.runc.v1.Options";

/** A containerd, ours or the genuine one, as the benchmarks use it over gRPC. */
export class ContainerdClient {
  readonly daemon: Daemon;
  readonly runtime: string;
  readonly #connection: ContainerdConnection;
  readonly #sandbox: Sandbox;
  #spec = "";
  #specType = "";
  #parent = "";
  #count = 0;
  #lease: string | undefined;

  constructor(sandbox: Sandbox, daemon: Daemon, runtime: string) {
    this.#sandbox = sandbox;
    this.daemon = daemon;
    this.runtime = runtime;
    this.#connection = connectContainerd(daemon.socket);
    sandbox.onClose(() => this.#connection.close());
  }

  get services() {
    return this.#connection.services;
  }

  get context(): CallContext {
    const { tag: namespace } = this.#sandbox;
    return this.#lease === undefined ? { namespace } : { namespace, lease: this.#lease };
  }

  /** From now on all that is made is held, so that the garbage collector leaves it alone. */
  async holdLease(): Promise<void> {
    const { lease } = await this.services.leases.create({ id: "held" }, this.context);
    this.#lease = lease?.id;
  }

  /** ctr on this daemon, which has to succeed. */
  ctr(args: string[]): Promise<string> {
    const flags = ["-a", this.daemon.socket, "-n", this.#sandbox.tag];
    return mustRun([GENUINE.ctr, ...flags, ...args]);
  }

  /** Imports the image, and takes the spec that ctr writes for a container of it. */
  async prepare(archive: string): Promise<void> {
    await this.ctr(["image", "import", archive]);
    await this.ctr(["container", "create", IMAGE, TEMPLATE, "true"]);
    const { container } = await this.services.containers.get({ id: TEMPLATE }, this.context);
    const { snapshot } = { snapshot: container!.snapshotKey };
    const { info } = await this.services.snapshots.stat(
      { snapshotter: "overlayfs", key: snapshot },
      this.context,
    );
    this.#parent = info!.parent;
    this.#spec = Buffer.from(container!.spec!.value).toString("utf8");
    this.#specType = container!.spec!.typeUrl;
  }

  /** A container with its snapshot and its task, created and started. Returns its id. */
  async run(
    args: string[],
    {
      id = `made${++this.#count}`,
      ...streams
    }: { id?: string; stdout?: string; stderr?: string } = {},
  ): Promise<string> {
    const { services, context, runtime } = this;
    const spec = JSON.parse(this.#spec) as { process: object; linux: object };
    Object.assign(spec.process, { args });
    Object.assign(spec.linux, { cgroupsPath: `/${this.#sandbox.tag}/${id}` });
    // The container comes first: a snapshot that nothing refers to may be collected at any time.
    await services.containers.create(
      {
        container: {
          id,
          image: IMAGE,
          snapshotter: "overlayfs",
          snapshotKey: id,
          runtime: { name: runtime, options: { typeUrl: OPTIONS_TYPE, value: new Uint8Array() } },
          spec: { typeUrl: this.#specType, value: Buffer.from(JSON.stringify(spec)) },
        },
      },
      context,
    );
    const { mounts } = await services.snapshots.prepare(
      { snapshotter: "overlayfs", key: id, parent: this.#parent },
      context,
    );
    await services.tasks.create({ containerId: id, rootfs: mounts, ...streams }, context);
    await services.tasks.start({ containerId: id }, context);
    return id;
  }

  /** Ends a container's task, when it runs, and removes all of it. */
  async remove(id: string, kill: boolean): Promise<void> {
    const { services, context } = this;
    const wait = handled(services.tasks.wait({ containerId: id }, context));
    if (kill) await services.tasks.kill({ containerId: id, signal: 9 }, context);
    await wait;
    await services.tasks.delete({ containerId: id }, context);
    // In this order: without its container the snapshot is the garbage collector's.
    await services.snapshots.remove({ snapshotter: "overlayfs", key: id }, context);
    await services.containers.delete({ id }, context);
  }

  /** Stores a blob in one piece under a digest that it may not have. */
  async writeBlob(data: Uint8Array, expected: string): Promise<void> {
    const total = BigInt(data.length);
    const common = { ref: expected, total, expected };
    const writes = [];
    for (let at = 0; at < data.length; at += WRITE_BYTES) {
      const part = data.subarray(at, at + WRITE_BYTES);
      writes.push({ ...common, action: WriteAction.WRITE, offset: BigInt(at), data: part });
    }
    await this.write([...writes, { ...common, action: WriteAction.COMMIT, offset: total }]);
  }

  /** Sends requests of one write, each after the answer to the one before. */
  async write(requests: MessageInitShape<typeof WriteContentRequestSchema>[]): Promise<void> {
    const answers = this.services.content.write(inTurn(requests), this.context);
    for await (const _answer of answers) {
      // Each is asked for in turn; a refusal is thrown.
    }
  }

  /** One exec: added, started, waited for, deleted. */
  async exec(id: string, args: string[]): Promise<number> {
    const { services, context } = this;
    const execId = `exec${++this.#count}`;
    const { process } = JSON.parse(this.#spec) as { process: object };
    const value = Buffer.from(JSON.stringify({ ...process, args }));
    const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/Process";
    const ids = { containerId: id, execId };
    await services.tasks.exec({ ...ids, spec: { typeUrl, value } }, context);
    const wait = handled(services.tasks.wait(ids, context));
    await services.tasks.start(ids, context);
    const { exitStatus } = await wait;
    await services.tasks.deleteProcess(ids, context);
    return exitStatus;
  }
}

/** A promise that is awaited later: should it fail before that, it is no unhandled failure. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

async function* inTurn<T>(items: T[]): AsyncGenerator<T> {
  yield* items;
}
