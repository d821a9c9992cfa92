import { basename, join } from "node:path";
import { type CgroupMounts, readCgroupFolders } from "#tools/doctor/host/cgroup_tree.ts";
import type { HostFiles } from "#tools/doctor/host/host_files.ts";
import type { MountEntry } from "#tools/doctor/host/mount_table.ts";
import { podOfLabels } from "./pod_place.ts";
import type { QuickFiles } from "./quick_files.ts";
import type { CounterFolders, WatchedContainer } from "./sample.ts";

/** A hostile tree must end. */
const MAX_DEPTH = 8;
const MAX_FOLDERS = 20_000;
const MAX_CONTAINERS = 5_000;
const SHORT_ID = 12;
/** Every so many searches, empty cgroups are looked at again. */
const EMPTY_EVERY = 6;

/** docker/ID, docker-ID.scope, cri-containerd-ID.scope, libpod-ID.scope, kubepods/…/ID. */
const CONTAINER_FOLDER = /^(?:[a-z][a-z-]*-)?([0-9a-f]{64})(?:\.scope)?$/;
/** podman's monitor of a container, beside the container. */
const MONITOR_FOLDER = /conmon-/;

/** The host that is looked at. */
export interface WatchedHost {
  files: HostFiles;
  quick: QuickFiles;
  mounts: CgroupMounts;
}

/**
 * Finds the running containers of every stack: by the state that runtimes keep (any id, with what
 * it tells of names), and by cgroups named after a container's id (stacks whose folders nobody
 * knows).
 * What it has told once it tells again only when it changed or was forgotten.
 */
export class WatchedFinder {
  readonly #host: WatchedHost;
  /** State files read before. */
  #states = new Map<string, SeenState>();
  /** Cgroups with an id's name and nobody in them: left-overs, of which a host can have many. */
  #empty = new Set<string>();
  #turn = 0;

  constructor(host: WatchedHost) {
    this.#host = host;
  }

  /** Containers whose cgroup is not among the `known` ones. */
  find(
    runtimeRoots: readonly string[],
    known: { has(key: string): boolean },
  ): Map<string, WatchedContainer> {
    const found = new Map<string, WatchedContainer>();
    if (this.#turn++ % EMPTY_EVERY === 0) this.#empty.clear();
    const search: Search = {
      host: this.#host,
      known,
      found,
      before: this.#states,
      states: new Map(),
      empty: this.#empty,
    };
    for (const root of runtimeRoots) addFromRoot(search, root);
    this.#states = search.states;
    const { mounts } = this.#host;
    const tree = mounts.v1.get("pids") ?? mounts.v2;
    if (tree) addFromTree(search, tree);
    return found;
  }
}

interface Search {
  host: WatchedHost;
  known: { has(key: string): boolean };
  found: Map<string, WatchedContainer>;
  before: ReadonlyMap<string, SeenState>;
  states: Map<string, SeenState>;
  empty: Set<string>;
}

/** What a state file led to: a cgroup, or none, since its container had ended. */
interface SeenState {
  modifiedMs: number;
  key: string | undefined;
}

/** The folders at which the way up a hierarchy ends. */
export function hierarchyTops(mounts: CgroupMounts): Set<string> {
  return new Set([...mounts.v1.values(), ...(mounts.v2 ? [mounts.v2] : [])].map((m) => m.point));
}

function addFromRoot(search: Search, root: string): void {
  const { quick } = search.host;
  for (const name of quick.folders(root)) {
    const folder = join(root, name);
    if (addFromState(search, folder, "")) continue;
    for (const id of quick.folders(folder).slice(0, MAX_CONTAINERS)) {
      addFromState(search, join(folder, id), name);
    }
  }
}

/** One `ROOT[/NAMESPACE]/ID`. Returns whether it is a container's state folder. */
function addFromState(search: Search, folder: string, namespace: string): boolean {
  const { host, known, found, before, states } = search;
  // runc and ours write state.json, crun writes status.
  let path = join(folder, "state.json");
  let stat = host.files.stat(path);
  if (!stat) {
    path = join(folder, "status");
    stat = host.files.stat(path);
  }
  if (!stat) return false;
  const modifiedMs = stat.mtimeMs;
  const seen = before.get(path);
  if (seen?.modifiedMs === modifiedMs && (seen.key === undefined || known.has(seen.key))) {
    states.set(path, seen);
    return true;
  }
  const container = readState(host, path, basename(folder), namespace);
  states.set(path, { modifiedMs, key: container?.key });
  if (container && !known.has(container.key) && found.size < MAX_CONTAINERS) {
    found.set(container.key, container);
  }
  return true;
}

function readState(
  { files, mounts }: WatchedHost,
  path: string,
  id: string,
  namespace: string,
): WatchedContainer | undefined {
  const state = files.json(path);
  if (typeof state !== "object" || state === null) return undefined;
  const { init_process_pid, pid, config } = state as {
    init_process_pid?: unknown;
    pid?: unknown;
    config?: { labels?: unknown };
  };
  const init = Number(init_process_pid ?? pid);
  if (!Number.isInteger(init) || init <= 0) return undefined;
  const folders = foldersOfProcess(files, mounts, init);
  if (!folders) return undefined;
  const labels = Array.isArray(config?.labels) ? config.labels.map(String) : [];
  const name = labelOf(labels, "io.kubernetes.cri.container-name") ?? id.slice(0, SHORT_ID);
  const image = labelOf(labels, "io.kubernetes.cri.image-name") ?? "";
  const pod = podOfLabels((key) => labelOf(labels, key));
  const key = keyOf(mounts, folders);
  return { key, id, name, image, namespace, folders, ...(pod && { pod }) };
}

/** runc keeps annotations as "key=value". */
function labelOf(labels: string[], key: string): string | undefined {
  return labels.find((label) => label.startsWith(`${key}=`))?.slice(key.length + 1);
}

function foldersOfProcess(
  files: HostFiles,
  mounts: CgroupMounts,
  pid: number,
): CounterFolders | undefined {
  const all = readCgroupFolders(files, mounts, pid);
  const pids = all.get("pids");
  const unified = all.get("");
  const folder = pids ?? unified;
  // In the top folder it has no cgroup of its own: the counters there are the host's.
  if (folder === undefined || hierarchyTops(mounts).has(folder)) return undefined;
  if (pids === undefined) return { version: 2, pids: folder, memory: folder, cpu: folder };
  const memory = all.get("memory");
  const cpu = all.get("cpuacct") ?? all.get("cpu");
  return { version: 1, pids, ...(memory && { memory }), ...(cpu && { cpu }) };
}

function keyOf(mounts: CgroupMounts, folders: CounterFolders): string {
  const top = (folders.version === 1 ? mounts.v1.get("pids") : mounts.v2)?.point ?? "";
  return folders.pids!.slice(top.length);
}

/** Walks the hierarchy that counts pids; does not look inside containers. */
function addFromTree(search: Search, tree: MountEntry): void {
  const { host, known, found, empty } = search;
  let level = [tree.point];
  let seen = 0;
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const name of host.quick.folders(folder)) {
        if (++seen > MAX_FOLDERS || found.size >= MAX_CONTAINERS) return;
        const path = `${folder}/${name}`;
        const key = path.slice(tree.point.length);
        if (known.has(key) || found.has(key) || empty.has(key)) continue;
        if (MONITOR_FOLDER.test(name)) continue;
        const id = CONTAINER_FOLDER.exec(name)?.[1];
        if (id === undefined) next.push(path);
        else addFromFolder(search, key, id);
      }
    }
    level = next;
  }
}

function addFromFolder({ host, found, empty }: Search, key: string, id: string): void {
  const { files, quick, mounts } = host;
  const top = (mounts.v1.get("pids") ?? mounts.v2)?.point ?? "";
  // A cgroup that nobody is in is what a container left behind, or one that is being made.
  if (!((quick.number(`${top}${key}/pids.current`) ?? 0) > 0)) {
    empty.add(key);
    return;
  }
  const at = (controller: string) => {
    const mount = mounts.v1.get(controller);
    const path = mount && mount.point + key;
    return path !== undefined && files.exists(path) ? path : undefined;
  };
  const pids = at("pids");
  const memory = at("memory");
  const cpu = at("cpuacct");
  const unified = (mounts.v2?.point ?? "") + key;
  const folders: CounterFolders = pids
    ? { version: 1, pids, ...(memory && { memory }), ...(cpu && { cpu }) }
    : { version: 2, pids: unified, memory: unified, cpu: unified };
  found.set(key, { key, id, name: id.slice(0, SHORT_ID), image: "", namespace: "", folders });
}
