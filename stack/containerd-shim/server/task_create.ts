import { rmSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { OptionsSchema } from "#gen/wire/task-ttrpc/proto/runc_options_pb.ts";
import type { CreateTaskRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Span } from "#lib/trace/tracer.ts";
import { locateCgroup } from "../cgroup/cgroup_location.ts";
import { Keeper } from "../keeping/keeper.ts";
import { Container } from "../process/container.ts";
import { keeperEvents } from "../process/process_exit.ts";
import { launchProcess } from "../process/process_launch.ts";
import { runtimeFailed } from "../process/runtime_failure.ts";
import { ownerInRuntime } from "../process/runtime_owner.ts";
import { mountRootfs, unmountRootfs } from "../rootfs/mount_rootfs.ts";
import { runtimeOf, type ShimContext } from "../shim_context.ts";
import {
  type ContainerRecord,
  type RuntimeChoice,
  stateFolder,
} from "../state/container_record.ts";

/** Creates a container whose init waits for `start`. Undoes everything when a step fails. */
export async function createTask(shim: ShimContext, request: CreateTaskRequest, span: Span) {
  const { id, bundle } = request;
  if (shim.containers.has(id) || shim.creating.has(id)) {
    throw failure({ layer: "shim", op: "create", code: "already_exists", message: `id ${id}` });
  }
  if (request.checkpoint !== "") {
    const message = "restoring a container from a checkpoint is not supported";
    throw failure({ layer: "shim", op: "create", code: "unimplemented", message });
  }
  const container = newContainer(shim, request);
  shim.creating.add(id);
  shim.log.addBundle(bundle);
  try {
    await build(shim, container, request, span);
  } catch (thrown) {
    throw await unwound(shim, container, toChainError(thrown, "shim", "create"));
  } finally {
    shim.creating.delete(id);
  }
  const { stdin, stdout, stderr, terminal } = request;
  shim.events.created({
    containerId: id,
    bundle,
    rootfs: request.rootfs,
    io: { stdin, stdout, stderr, terminal },
    checkpoint: request.checkpoint,
    pid: container.init.pid,
  });
  return { pid: container.init.pid };
}

function newContainer(shim: ShimContext, request: CreateTaskRequest): Container {
  const { id, bundle, stdin, stdout, stderr, terminal } = request;
  const record: ContainerRecord = {
    version: 1,
    id,
    namespace: shim.namespace,
    bundle,
    stdio: { stdin, stdout, stderr, terminal },
    mounted: request.rootfs.length > 0,
    runtime: runtimeChoice(request.options),
    started: false,
    pid: 0,
  };
  const workFolder = stateFolder(bundle);
  const runtime = runtimeOf(shim, { ...record.runtime, bundle, workFolder });
  return new Container(record, runtime, "created");
}

/** Reads the runtime options, which clients may leave out. */
export function runtimeChoice(options: Any | undefined): RuntimeChoice {
  const type = options?.typeUrl.slice(options.typeUrl.lastIndexOf("/") + 1) ?? "";
  if (options && type !== "" && type !== OptionsSchema.typeName) {
    throw failure({
      layer: "shim",
      op: "create",
      code: "invalid_argument",
      message: `runtime options of type ${options.typeUrl} are not understood`,
      fix: `send ${OptionsSchema.typeName}`,
    });
  }
  const read = fromBinary(OptionsSchema, options?.value ?? new Uint8Array(0));
  return {
    binaryName: read.binaryName,
    root: read.root,
    systemdCgroup: read.systemdCgroup,
    ioUid: read.ioUid,
    ioGid: read.ioGid,
    noPivot: read.noPivotRoot,
    noNewKeyring: read.noNewKeyring,
  };
}

async function build(
  shim: ShimContext,
  container: Container,
  request: CreateTaskRequest,
  span: Span,
): Promise<void> {
  const { id, bundle, record, init } = container;
  const starting = Keeper.start(
    stateFolder(bundle),
    keeperEvents(shim, () => container),
  );
  // Awaited below, whatever comes between: the keeper starts up meanwhile.
  starting.catch(() => {});
  try {
    container.save();
    if (record.mounted) mountRootfs(bundle, request.rootfs);
  } finally {
    container.keeper = await starting;
  }
  await launchProcess(container, init, async (means) => {
    const options = {
      ...means,
      id,
      bundle,
      pidFile: join(bundle, "init.pid"),
      noPivot: record.runtime.noPivot,
      noNewKeyring: record.runtime.noNewKeyring,
      trace: span.context,
    };
    try {
      return await createAnew(shim, container, () => container.runtime.create(options));
    } catch (thrown) {
      throw runtimeFailed(thrown, "create", "OCI runtime create failed");
    }
  });
  record.pid = init.pid;
  container.save();
  container.cgroup = locateCgroup(init.pid);
  shim.containers.set(id, container);
}

/**
 * Creates the container in the runtime. One that the runtime has of this very bundle is from a
 * former life of the bundle, whose folder was wiped: nobody can manage it any more, so it goes.
 */
async function createAnew<T>(
  shim: ShimContext,
  { runtime, id, bundle }: Container,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const known = toChainError(thrown, "shim", "create").words.includes("already exists");
    if (!known || (await ownerInRuntime(runtime, id, bundle)) !== "bundle") throw thrown;
  }
  shim.log.warn("removing the container of a bundle that was wiped", { id });
  await runtime.delete(id, { force: true });
  return await work();
}

/** Takes down what a failed create left; a failed clean-up is attached to the failure. */
async function unwound(
  shim: ShimContext,
  container: Container,
  error: ChainError,
): Promise<ChainError> {
  const steps: (() => unknown)[] = [
    () => unmountRootfs(container.bundle),
    () => container.keeper?.quit(),
    () => rmSync(stateFolder(container.bundle), { recursive: true, force: true }),
  ];
  // Nothing of the runtime's remains unless it had returned a process.
  if ((await ownerInRuntime(container.runtime, container.id, container.bundle)) === "bundle") {
    steps.unshift(() => container.runtime.delete(container.id, { force: true }));
  }
  for (const step of steps) {
    try {
      await step();
    } catch (thrown) {
      error.cleanup ??= toChainError(thrown, "shim", "create");
    }
  }
  shim.log.removeBundle(container.bundle);
  shim.log.warn("create failed", { id: container.id, error: error.message });
  return error;
}
