import { existsSync, mkdirSync, statSync } from "node:fs";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { networkFilePaths, writeNetworkFiles } from "../network/network_files.ts";
import { networkNames } from "../network/network_names.ts";
import { invalid, missingSource } from "../refusals.ts";
import { sharedMemoryFolder } from "../rootfs/shared_memory.ts";
import type { SpecMount } from "../spec/spec_build.ts";

const op = "start container";

/** A mount of the record as the spec takes it; volumes are mounted, sources made. */
export function resolveMount(
  daemon: Daemon,
  mount: Container["record"]["mounts"][number],
): SpecMount {
  if (mount.Type === "tmpfs") {
    return {
      destination: mount.Destination,
      type: "tmpfs",
      source: "tmpfs",
      options: mount.options,
    };
  }
  if (mount.Type === "volume") daemon.volumes.use(mount.Name!);
  else if (!mount.sourceMustExist) makeBindSource(mount.Source);
  else if (!existsSync(mount.Source)) throw missingSource(op, mount.Source);
  return {
    destination: mount.Destination,
    type: "bind",
    source: mount.Source,
    options: mount.options,
  };
}

/** -v makes the host's folder when there is nothing at its path. */
function makeBindSource(path: string): void {
  try {
    statSync(path);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    try {
      mkdirSync(path, { recursive: true });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw invalid(op, `error while creating mount source path '${path}': ${reason}`);
    }
  }
}

/**
 * /etc/hosts, hostname and resolv.conf: the container's own, or those of whose network it shares.
 */
export function addNetworkMounts(daemon: Daemon, container: Container, mounts: SpecMount[]): void {
  const mode = container.record.hostConfig.NetworkMode ?? "";
  const owner = mode.startsWith("container:")
    ? daemon.find(mode.slice("container:".length))
    : container;
  // Another's files are taken as they are: whoever made it may have changed them since.
  const files =
    owner === container
      ? writeNetworkFiles(owner, networkNames(daemon, owner))
      : networkFilePaths(owner);
  const taken = new Set(mounts.map((mount) => mount.destination));
  const options = container.record.hostConfig.ReadonlyRootfs
    ? ["rbind", "ro", "rprivate"]
    : ["rbind", "rprivate"];
  for (const [destination, source] of [
    ["/etc/resolv.conf", files.resolv],
    ["/etc/hostname", files.hostname],
    ["/etc/hosts", files.hosts],
  ] as const) {
    if (!taken.has(destination)) mounts.push({ destination, type: "bind", source, options });
  }
}

/** A shared IPC namespace needs the same /dev/shm: the host's, or the other container's own. */
export function addSharedMemory(daemon: Daemon, container: Container, mounts: SpecMount[]): void {
  const source = sharedMemoryFolder(daemon, container);
  if (source && !mounts.some((mount) => mount.destination === "/dev/shm")) {
    mounts.push({ destination: "/dev/shm", type: "bind", source, options: ["rbind", "rprivate"] });
  }
}
