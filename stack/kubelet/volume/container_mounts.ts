import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import {
  closeFile,
  O,
  openFile,
  S_IFDIR,
  S_IFMT,
  statLink,
  writeTextAtomically,
} from "#lib/linux/file.ts";
import { MS, mount } from "#lib/linux/mount.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { MountConfig } from "../runtime/runtime_config.ts";
import type { ContainerSpec, MountSpec, Pod } from "../spec/pod.ts";
import { mountTargetsBelow } from "./mount_targets.ts";
import type { PodFolders } from "./pod_folders.ts";

const PROPAGATION = { None: 0, HostToContainer: 1, Bidirectional: 2 } as const;
const HOSTS = "/etc/hosts";
const S_IFLNK = 0o120000;
/** The program in the container may write its last words as any user. */
const MESSAGE_MODE = 0o666;

/** Which mounts a container gets, and the file that holds its last words. */
export interface MountPlan {
  mounts: MountConfig[];
  messageFile: string;
}

/**
 * The mounts of one start of a container: its volumes, /etc/hosts and the termination message.
 * `volumes` are the folders of the pod's volumes by name, `ips` the pod's own addresses.
 */
export function containerMounts(
  container: ContainerSpec,
  pod: Pod,
  parts: { folders: PodFolders; volumes: Map<string, string>; ips: string[]; attempt: number },
): MountPlan {
  const { folders, volumes, attempt } = parts;
  const mounts: MountConfig[] = container.mounts.map((spec, index) => ({
    containerPath: spec.path,
    hostPath: volumeSource(spec, volumes, `${container.name}-${index}`, folders, pod),
    readonly: spec.readOnly,
    propagation: PROPAGATION[spec.propagation],
  }));
  if (!container.mounts.some(({ path }) => path === HOSTS)) {
    const hostPath = writeHosts(pod, folders, parts.ips);
    mounts.push({ containerPath: HOSTS, hostPath, readonly: false, propagation: 0 });
  }
  const folder = folders.container(pod.uid, container.name);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const messageFile = join(folder, `message-${attempt}`);
  writeFileSync(messageFile, "", { mode: MESSAGE_MODE });
  const messagePath = container.terminationMessagePath;
  if (!container.mounts.some(({ path }) => path === messagePath)) {
    mounts.push({
      containerPath: messagePath,
      hostPath: messageFile,
      readonly: false,
      propagation: 0,
    });
  }
  return { mounts, messageFile };
}

function volumeSource(
  spec: MountSpec,
  volumes: Map<string, string>,
  label: string,
  folders: PodFolders,
  pod: Pod,
): string {
  const base = volumes.get(spec.volume)!;
  if (spec.subPath === undefined) return base;
  const target = join(folders.pod(pod.uid), "volume-subpaths", `${spec.volume}-${label}`);
  if (!mountTargetsBelow(target).includes(target)) bindBelow(base, spec.subPath, target);
  return target;
}

/**
 * Binds a folder or file within a volume to a place of ours. The containers may write to the
 * volume, so its links are not followed: one of them may lead to any folder of the host.
 */
function bindBelow(base: string, subPath: string, target: string): void {
  let at = base;
  for (const part of subPath.split("/").filter((name) => name !== "" && name !== ".")) {
    at = join(at, part);
    const found = statLink(at);
    if (!found) mkdirSync(at, { mode: 0o755 });
    else if ((found.mode & S_IFMT) === S_IFLNK) throw linkInPath(at);
  }
  const root = openFile(base, O.PATH | O.DIRECTORY);
  let fd = -1;
  try {
    fd = openInRoot(root, subPath, O.PATH);
    const isFolder = ((statLink(at)?.mode ?? 0) & S_IFMT) === S_IFDIR;
    mkdirSync(isFolder ? target : join(target, ".."), { recursive: true, mode: 0o755 });
    if (!isFolder) writeFileSync(target, "", { flag: "a" });
    mount(`/proc/self/fd/${fd}`, target, null, MS.BIND | MS.REC);
  } finally {
    closeFile(root);
    if (fd >= 0) closeFile(fd);
  }
}

function linkInPath(path: string) {
  return failure({
    layer: "kubelet",
    op: "mount subPath",
    code: "permission_denied",
    message: `subPath: ${path} is a symbolic link`,
    cause: "a link within a volume may lead out of it",
    fix: "name the folder itself in subPath",
  });
}

function writeHosts(pod: Pod, folders: PodFolders, ips: string[]): string {
  const path = folders.hostsFile(pod.uid);
  mkdirSync(folders.pod(pod.uid), { recursive: true, mode: 0o750 });
  writeTextAtomically(path, hostsText(pod, ips), 0o644);
  return path;
}

function hostsText(pod: Pod, ips: string[]): string {
  const head = pod.spec.hostNetwork
    ? readFileSync(HOSTS, "utf8")
    : [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        ...ips.map((ip) => `${ip}\t${podHostname(pod)}`),
        "",
      ].join("\n");
  const aliases = pod.spec.hostAliases.map(({ ip, hostnames }) => `${ip}\t${hostnames.join("\t")}`);
  return [head, ...aliases, ""].join("\n");
}

const MAX_HOSTNAME = 63;

/** The host name inside a pod: given, or its own name as far as it fits. */
export function podHostname(pod: Pod): string {
  const name = pod.spec.hostname ?? pod.name;
  return name.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
}
