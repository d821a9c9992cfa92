import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { MS, mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { conflict } from "../refusals.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

const shmPath = (container: Container) => join(container.folder, "shm");

/**
 * The folder of the host that becomes a container's /dev/shm, where it is not the container's own
 * alone: the host's, one that others may join (`shareable`), or the one of the container it joins.
 */
export function sharedMemoryFolder(daemon: Daemon, container: Container): string | undefined {
  const { IpcMode, ShmSize } = container.record.hostConfig;
  if (IpcMode === "host") return "/dev/shm";
  if (IpcMode?.startsWith("container:")) {
    return donorFolder(daemon.find(IpcMode.slice("container:".length)));
  }
  if (IpcMode !== "shareable") return undefined;
  const path = shmPath(container);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  releaseSharedMemory(container);
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  mount("shm", path, "tmpfs", flags, `mode=1777,size=${ShmSize || DEFAULT_SHM_BYTES}`);
  return path;
}

function donorFolder(donor: Container): string {
  const { IpcMode } = donor.record.hostConfig;
  if (IpcMode === "shareable") return shmPath(donor);
  if (IpcMode === "host") return "/dev/shm";
  throw conflict(
    "join namespace",
    `cannot join IPC of ${donor.id}: non-shareable IPC ` +
      "(hint: use IpcMode:shareable for the donor container)",
  );
}

/** Takes the mount down at the end of a run. What is not mounted is no error. */
export function releaseSharedMemory(container: Container): void {
  if (container.record.hostConfig.IpcMode !== "shareable") return;
  try {
    unmount(shmPath(container), UMOUNT.DETACH | UMOUNT.NOFOLLOW);
  } catch {
    // It was not mounted.
  }
}
