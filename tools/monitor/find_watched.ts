import type { MountEntry } from "#tools/doctor/host/mount_table.ts";
import type { CounterFolders, WatchedContainer } from "./sample.ts";
import { StateFolders } from "./state_folders.ts";
import { unifiedCounters, type WatchedHost } from "./watched_host.ts";

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

/**
 * Finds the running containers of every stack: by the state that runtimes keep (any id, with what
 * it tells of names), and by cgroups named after a container's id (stacks whose folders nobody
 * knows).
 * What it has told once it tells again only when it changed or was forgotten.
 */
export class WatchedFinder {
  readonly #host: WatchedHost;
  readonly #states: StateFolders;
  /** Cgroups with an id's name and nobody in them: left-overs, of which a host can have many. */
  #empty = new Set<string>();
  #turn = 0;

  constructor(host: WatchedHost) {
    this.#host = host;
    this.#states = new StateFolders(host);
  }

  /** Containers whose cgroup is not among the `known` ones. */
  find(
    runtimeRoots: readonly string[],
    known: { has(key: string): boolean },
  ): Map<string, WatchedContainer> {
    const found = new Map<string, WatchedContainer>();
    if (this.#turn++ % EMPTY_EVERY === 0) this.#empty.clear();
    this.#states.search(runtimeRoots, { known, found });
    const { mounts } = this.#host;
    const tree = mounts.v1.get("pids") ?? mounts.v2;
    if (tree) addFromTree({ host: this.#host, known, found, empty: this.#empty }, tree);
    return found;
  }
}

interface Search {
  host: WatchedHost;
  known: { has(key: string): boolean };
  found: Map<string, WatchedContainer>;
  empty: Set<string>;
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
  const quota = at("cpu");
  const parts = { ...(memory && { memory }), ...(cpu && { cpu }), ...(quota && { quota }) };
  const folders: CounterFolders = pids
    ? { version: 1, pids, ...parts }
    : unifiedCounters((mounts.v2?.point ?? "") + key);
  found.set(key, { key, id, name: id.slice(0, SHORT_ID), image: "", namespace: "", folders });
}
