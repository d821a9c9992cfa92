import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import { listFolder, removeTree, statLink, writeTextAtomically } from "#lib/linux/file.ts";
import { MS, mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { type DownwardScope, downwardValue } from "../container/downward_value.ts";
import type { Pod } from "../spec/pod.ts";
import type { HostPathType, VolumeSpec } from "../spec/volume_spec.ts";
import { mountTargetsBelow } from "./mount_targets.ts";
import type { PodFolders } from "./pod_folders.ts";

const EMPTY_DIR_MODE = 0o777;
/** Set-group-id, so that what is made below belongs to the pod's fsGroup too. */
const GROUP_MODE = 0o2775;

/**
 * Makes a pod's volumes and returns their folders by name. What is there already is kept: a
 * container that starts again finds its emptyDir as it was. Throws a ChainError that names the
 * volume.
 */
export function makeVolumes(folders: PodFolders, scope: DownwardScope): Map<string, string> {
  const { pod } = scope;
  const made = new Map<string, string>();
  for (const volume of pod.spec.volumes) {
    try {
      made.set(volume.name, makeVolume(volume, folders, scope));
    } catch (error) {
      throw volumeFailed(error, volume);
    }
  }
  return made;
}

function makeVolume(volume: VolumeSpec, folders: PodFolders, scope: DownwardScope): string {
  const { pod } = scope;
  if (volume.kind === "hostPath") {
    checkHostPath(volume.path, volume.type);
    return volume.path;
  }
  const folder = folders.volume(pod.uid, volume.name, volume.kind);
  if (volume.kind === "downward") {
    writeDownward(folder, volume, scope);
    return folder;
  }
  if (statLink(folder) && (!volume.memory || mountTargetsBelow(folder).includes(folder)))
    return folder;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (volume.memory) {
    const size = volume.sizeLimitBytes === undefined ? null : `size=${volume.sizeLimitBytes}`;
    mount("tmpfs", folder, "tmpfs", MS.NOSUID | MS.NODEV, size);
  }
  const { fsGroup } = pod.spec.security;
  if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
  chmodSync(folder, fsGroup === undefined ? EMPTY_DIR_MODE : GROUP_MODE);
  return folder;
}

function writeDownward(
  folder: string,
  volume: Extract<VolumeSpec, { kind: "downward" }>,
  scope: DownwardScope,
): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const item of volume.items) {
    const path = join(folder, item.path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeTextAtomically(path, downwardValue(item, scope), volume.mode);
  }
}

const FILE_TYPES: Partial<Record<HostPathType, (stat: ReturnType<typeof statSync>) => boolean>> = {
  Directory: (stat) => stat?.isDirectory() ?? false,
  DirectoryOrCreate: (stat) => stat?.isDirectory() ?? false,
  File: (stat) => stat?.isFile() ?? false,
  FileOrCreate: (stat) => stat?.isFile() ?? false,
  Socket: (stat) => stat?.isSocket() ?? false,
  CharDevice: (stat) => stat?.isCharacterDevice() ?? false,
  BlockDevice: (stat) => stat?.isBlockDevice() ?? false,
};

function checkHostPath(path: string, type: HostPathType): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there && (type === "DirectoryOrCreate" || type === "")) {
    // Without a type genuine runtimes make a folder too.
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return;
  }
  if (!there && type === "FileOrCreate") {
    writeFileSync(path, "", { flag: "a", mode: 0o644 });
    return;
  }
  const fits = FILE_TYPES[type];
  if (!fits || fits(there)) return;
  throw failure({
    layer: "kubelet",
    op: "check hostPath",
    code: there ? "failed_precondition" : "not_found",
    message: `hostPath type check failed: ${path} is not a ${type}`,
    causeId: "bind-source-missing",
    cause: there ? `${path} is of another type` : `the host has no ${path}`,
    fix: there ? `give another type or path` : `create ${path}, or use type DirectoryOrCreate`,
    evidence: [
      { kind: "path", value: there ? `mode 0${there.mode.toString(8)}` : "missing", ref: path },
    ],
  });
}

/** Removes all files of a pod: mounts first, then its folder. Throws when something is busy. */
export function removePodFiles(folders: PodFolders, uid: string): void {
  const folder = folders.pod(uid);
  if (!statLink(folder)) return;
  // A volume that is still mounted must not be emptied through its mount point.
  for (const target of mountTargetsBelow(folder).reverse()) unmount(target, UMOUNT.NOFOLLOW);
  removeTree(folder);
}

/** Uids of the pods whose files lie here. */
export function podsWithFiles(folders: PodFolders): string[] {
  if (!statLink(folders.pods)) return [];
  return listFolder(folders.pods).flatMap(({ name, isFolder }) => (isFolder ? [name] : []));
}

/** The groups in which a pod's containers must be to use its volumes. */
export function volumeGroups({ spec }: Pod): number[] {
  return spec.security.fsGroup === undefined ? [] : [spec.security.fsGroup];
}

function volumeFailed(error: unknown, volume: VolumeSpec): ChainError {
  const cause = toChainError(error, "kernel", "make volume");
  return cause.wrap({
    layer: "kubelet",
    op: "make volume",
    code: cause.outer.code,
    message: `volume ${volume.name}`,
  });
}
