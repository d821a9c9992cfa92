import { closeSync, existsSync } from "node:fs";
import { MS, mount } from "#lib/linux/mount.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { makeRootedFolder, openRoot } from "../rootfs/rooted_files.ts";
import { isFolder } from "../spec/host_facts.ts";

const O_PATH = 0o10000000;

/**
 * Runs `work` with a container's file system, volumes included, as its processes see it: through
 * the running process's root, or by mounting all of it for as long as the work takes.
 */
export async function withContainerRoot<T>(
  daemon: Daemon,
  container: Container,
  context: CallContext,
  work: (rootFd: number) => Promise<T>,
): Promise<T> {
  const { running, pid, restarting } = container.record.state;
  const live = `/proc/${pid}/root`;
  if (running && !restarting && pid !== 0 && existsSync(live)) return held(openRoot(live), work);
  // The lock keeps a start from happening on a mount that is about to go.
  return container.lock.run(async () => {
    const { snapshotter, id } = container.record;
    const call = daemon.call(context);
    const { mounts } = await daemon.services.snapshots.mounts({ snapshotter, key: id }, call);
    const rootfs = daemon.mounts.mount(id, mounts);
    try {
      const rootFd = openRoot(rootfs);
      try {
        bindVolumes(daemon, container, rootFd);
      } catch (error) {
        closeSync(rootFd);
        throw error;
      }
      return await held(rootFd, work);
    } finally {
      daemon.mounts.unmount(id);
    }
  });
}

async function held<T>(rootFd: number, work: (rootFd: number) => Promise<T>): Promise<T> {
  try {
    return await work(rootFd);
  } finally {
    closeSync(rootFd);
  }
}

/** Mounts a stopped container's folders where its processes would find them. */
function bindVolumes(daemon: Daemon, container: Container, rootFd: number): void {
  for (const record of container.record.mounts) {
    if (record.Type === "tmpfs") continue;
    const source = record.Source;
    if (record.Name) daemon.volumes.use(record.Name);
    if (!isFolder(source)) continue;
    makeRootedFolder(rootFd, record.Destination, 0, 0);
    const fd = openInRoot(rootFd, record.Destination, O_PATH);
    try {
      mount(source, `/proc/self/fd/${fd}`, null, MS.BIND | MS.REC);
    } finally {
      closeSync(fd);
    }
  }
}
