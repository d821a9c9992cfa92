import { rmSync } from "node:fs";
import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { removeFifos } from "../io/fifo_set.ts";
import { conflict, invalid } from "../refusals.ts";
import { releaseSharedMemory } from "../rootfs/shared_memory.ts";
import { killAndWait } from "./container_stop.ts";

/** Starts that a removal may meet before it gives up. */
const MAX_ATTEMPTS = 10;
const op = "remove container";

interface RemoveOptions {
  force: boolean;
  volumes: boolean;
  link: boolean;
}

/** DELETE /containers/ID */
export async function containerRemove(
  daemon: Daemon,
  ref: string,
  options: RemoveOptions,
  _context: CallContext,
): Promise<void> {
  if (options.link) throw invalid(op, "links are not supported");
  const container = daemon.find(ref);
  if (container.removing) {
    throw conflict(op, `removal of container ${ref} is already in progress`);
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    checkRemovable(container, options);
    if (container.record.state.running) await killAndWait(daemon, container);
    const removed = await container.lock.run(async () => {
      // With --rm the end of the run has removed it meanwhile.
      if (!daemon.containers.get(container.id)) return true;
      // A start that was under way has come first: what runs now must be ended first, too.
      if (container.record.state.running) return false;
      await removeLocked(daemon, container, { volumes: options.volumes });
      return true;
    });
    if (removed) return;
  }
  throw conflict(op, `container ${container.id} is started again and again`);
}

function checkRemovable({ id, record }: Container, { force }: RemoveOptions): void {
  const { state } = record;
  if (state.running && !force) {
    const word = state.paused ? "paused" : state.restarting ? "restarting" : "running";
    const advice = state.paused
      ? "Unpause and then stop the container before attempting removal or force remove"
      : "Stop the container before attempting removal or force remove";
    throw conflict(op, `You cannot remove a ${word} container ${id}. ${advice}`);
  }
}

/** Removes a container that does not run. The caller holds its lock. */
export async function removeLocked(
  daemon: Daemon,
  container: Container,
  options: { volumes: boolean },
): Promise<void> {
  const { id, record } = container;
  container.removing = true;
  daemon.clearTimer(`restart ${id}`);
  const { snapshotter } = record;
  try {
    daemon.mounts.unmount(id);
    releaseSharedMemory(container);
    await removeSnapshot(daemon, snapshotter, id);
    removeFifos(`${daemon.options.state}/fifo/${id}`);
    container.log?.close();
    rmSync(container.folder, { recursive: true, force: true });
  } catch (thrown) {
    container.removing = false;
    record.state.dead = true;
    throw toChainError(thrown, "dockerd", op).wrap({
      layer: "dockerd",
      op,
      code: "internal",
      message:
        `container ${id}: driver ${JSON.stringify(snapshotter)} failed to remove root ` +
        "filesystem",
    });
  }
  daemon.containers.remove(container);
  for (const exec of container.execs.values()) daemon.execs.remove(exec);
  container.hub.end();
  if (options.volumes) removeAnonymous(daemon, container);
  daemon.events.container(container, "destroy");
  container.announceRemoval();
}

async function removeSnapshot(daemon: Daemon, snapshotter: string, key: string): Promise<void> {
  try {
    await daemon.services.snapshots.remove({ snapshotter, key }, daemon.call());
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "not_found") return;
    throw error;
  }
}

/** Volumes that were made for this container alone, unless another has taken one over. */
function removeAnonymous(daemon: Daemon, container: Container): void {
  for (const { Name, anonymous } of container.record.mounts) {
    if (!Name || !anonymous || volumeUsers(daemon, Name).length > 0) continue;
    daemon.volumes.remove(Name);
    daemon.events.publish("volume", "destroy", Name, { driver: "local" });
  }
}

/** Containers that mount a volume. */
export function volumeUsers(daemon: Daemon, name: string): Container[] {
  return daemon.containers
    .all()
    .filter(({ record }) => record.mounts.some((mount) => mount.Name === name));
}
