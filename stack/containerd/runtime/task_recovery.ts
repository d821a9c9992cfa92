import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TaskExitSchema } from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import { Status } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import type { StateResponse } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import type { ContainerStore } from "../metadata/container_store.ts";
import {
  type Bundle,
  type BundleRoots,
  bundleOf,
  deleteBundle,
  readBundleFile,
  unmountAll,
} from "./bundle.ts";
import { cleanUpDead, type LostShimParts } from "./lost_shim.ts";
import { isOurs, runtimePath } from "./runtime_path.ts";
import { parseAddress } from "./shim_command.ts";
import type { ShimLink } from "./shim_link.ts";
import { Task } from "./task.ts";

const LOOK_MS = 5_000;
/** Tasks that are looked for at one time: each dead foreign shim takes a process to clean up. */
const AT_ONCE = 8;

export interface RecoveryParts extends LostShimParts {
  roots: BundleRoots;
  containers: ContainerStore;
}

/**
 * Finds the tasks that outlived the last daemon: connects to each bundle's shim, starts one of ours
 * again when it is gone, and cleans up after the dead. Work folders without a task are removed.
 */
export async function recoverTasks(parts: RecoveryParts): Promise<void> {
  for (const namespace of folders(parts.roots.state)) {
    removeHidden(join(parts.roots.state, namespace));
    const [first, ...rest] = folders(join(parts.roots.state, namespace)).map((id) =>
      bundleOf(parts.roots, namespace, id),
    );
    // The first may start the shim that serves all others.
    if (first) await recoverTask(parts, first);
    for (let at = 0; at < rest.length; at += AT_ONCE) {
      await Promise.all(rest.slice(at, at + AT_ONCE).map((bundle) => recoverTask(parts, bundle)));
    }
  }
  for (const namespace of folders(parts.roots.root)) {
    removeHidden(join(parts.roots.root, namespace));
    for (const id of folders(join(parts.roots.root, namespace))) {
      if (parts.supervisor.tasks.get(namespace, id)) continue;
      rmSync(join(parts.roots.root, namespace, id), { recursive: true, force: true });
    }
  }
}

async function recoverTask(parts: RecoveryParts, bundle: Bundle): Promise<void> {
  const { namespace, id } = bundle;
  const binary = binaryOf(parts, bundle);
  if (!binary || readdirSync(bundle.path).length === 0) {
    parts.log.warn("remove bundle without a container", { namespace, id });
    removeBundle(parts, bundle);
    return;
  }
  parts.logs.open(bundle);
  const link = await findShim(parts, bundle, binary);
  if (link) {
    const task = new Task(bundle, binary, link);
    task.creating = false;
    const state = await lookAt(link, task);
    if (state) {
      tellIfStopped(parts, task, state);
      parts.supervisor.tasks.add(task);
      parts.supervisor.share(task);
      return;
    }
    task.detach();
  }
  // Whoever asks for the task later is told how it ended, until it is deleted.
  const exit = await cleanUpDead(parts, bundle, binary);
  parts.supervisor.tasks.bury(namespace, id, exit);
}

async function findShim(
  parts: RecoveryParts,
  bundle: Bundle,
  binary: string,
): Promise<ShimLink | undefined> {
  const { supervisor, log } = parts;
  const written = readBundleFile(bundle, "bootstrap.json") ?? readBundleFile(bundle, "address");
  try {
    if (!written) throw new Error("its bundle names no shim");
    return await supervisor.connect(parseAddress(written, binary));
  } catch (error) {
    log.warn("shim does not answer", { ...bundle, error: String(error) });
  }
  if (!isOurs(binary)) return undefined;
  try {
    return await supervisor.startIn(bundle, binary, { runtimeOptions: undefined, context: {} });
  } catch (error) {
    log.error("start shim again", { ...bundle, error: String(error) });
    return undefined;
  }
}

async function lookAt(link: ShimLink, task: Task): Promise<StateResponse | undefined> {
  const context = { namespace: task.namespace, timeoutMs: LOOK_MS };
  try {
    return await link.client.state({ id: task.id }, context);
  } catch {
    return undefined;
  }
}

/** The shim may have told the end to nobody: it is told again, which clients are used to. */
function tellIfStopped({ events }: RecoveryParts, task: Task, state: StateResponse): void {
  if (state.status !== Status.STOPPED) return;
  const { pid, exitStatus, exitedAt = currentTimestamp() } = state;
  const exit = { containerId: task.id, id: task.id, pid, exitStatus, exitedAt };
  events.publish(task.namespace, "/tasks/exit", TaskExitSchema, exit);
}

function binaryOf(parts: RecoveryParts, bundle: Bundle): string | undefined {
  const written = readBundleFile(bundle, "shim-binary-path");
  if (written) return written;
  try {
    const container = parts.containers.get(bundle.namespace, bundle.id);
    return runtimePath(container.runtime?.name ?? "");
  } catch {
    return undefined;
  }
}

function removeBundle(parts: RecoveryParts, bundle: Bundle): void {
  try {
    unmountAll(join(bundle.path, "rootfs"));
    deleteBundle(bundle);
  } catch (error) {
    parts.log.error("delete bundle", { bundle: bundle.path, error: String(error) });
  }
}

/** Finishes removals that a crash interrupted: their folders are hidden. */
function removeHidden(path: string): void {
  for (const name of names(path)) {
    if (!name.startsWith(".")) continue;
    unmountAll(join(path, name, "rootfs"));
    rmSync(join(path, name), { recursive: true, force: true });
  }
}

function folders(path: string): string[] {
  return names(path).filter((name) => !name.startsWith("."));
}

function names(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
