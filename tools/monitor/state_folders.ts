import { basename, join } from "node:path";
import { readCgroupFolders } from "#tools/doctor/host/cgroup_tree.ts";
import { readProcess } from "#tools/doctor/host/process_table.ts";
import { podOfLabels } from "./pod_place.ts";
import type { CounterFolders, WatchedContainer } from "./sample.ts";
import { hierarchyTops, keyOf, unifiedCounters, type WatchedHost } from "./watched_host.ts";

const MAX_CONTAINERS = 5_000;
const SHORT_ID = 12;
/** Every so many searches all folders are gone through, whatever they tell of their changes. */
const ALL_EVERY = 6;
/** A state is written soon after its folder is made; until then the folder is gone through. */
const SETTLED_MS = 5_000;

/** What a state file led to: a cgroup, or none, since its container had ended. */
interface SeenState {
  modifiedMs: number;
  key: string | undefined;
}

/** A folder of containers' folders: `ROOT` or `ROOT/NAMESPACE`. */
interface SeenFolder {
  modifiedMs: number;
  states: Map<string, SeenState>;
}

/** Which cgroups are watched already, and those that this search found. */
export interface StateSearch {
  known: { has(key: string): boolean };
  found: Map<string, WatchedContainer>;
}

/**
 * The containers that runtimes keep a state of. Nodes can have thousands of states of containers
 * that are long gone: only what changed since the last search is looked at again.
 */
export class StateFolders {
  readonly #host: WatchedHost;
  #folders = new Map<string, SeenFolder>();
  #next = new Map<string, SeenFolder>();
  #turn = 0;

  constructor(host: WatchedHost) {
    this.#host = host;
  }

  /** Adds to `search.found` those that are not known. */
  search(roots: readonly string[], search: StateSearch): void {
    this.#next = new Map();
    const all = this.#turn++ % ALL_EVERY === 0;
    for (const root of roots) this.#addFromRoot(root, search, all);
    this.#folders = this.#next;
  }

  /** `ROOT/ID` are containers, `ROOT/NAMESPACE` are folders of them. */
  #addFromRoot(root: string, search: StateSearch, all: boolean): void {
    const { quick } = this.#host;
    const own = this.#begin(root);
    for (const name of quick.folders(root)) {
      const folder = join(root, name);
      if (this.#addState(folder, "", own, search)) continue;
      if (this.#isUnchanged(folder, search, all)) continue;
      const seen = this.#begin(folder);
      for (const id of quick.folders(folder).slice(0, MAX_CONTAINERS)) {
        this.#addState(join(folder, id), name, seen, search);
      }
    }
  }

  #begin(folder: string): SeenFolder {
    const modifiedMs = this.#host.quick.look(folder)?.modifiedMs ?? 0;
    const seen = { modifiedMs, states: new Map() };
    this.#next.set(folder, seen);
    return seen;
  }

  /** Whether nothing came or went in a folder, so that what was seen in it still holds. */
  #isUnchanged(folder: string, { known }: StateSearch, all: boolean): boolean {
    const before = this.#folders.get(folder);
    if (all || !before) return false;
    if (this.#host.quick.look(folder)?.modifiedMs !== before.modifiedMs) return false;
    if (Date.now() < before.modifiedMs + SETTLED_MS) return false;
    for (const { key } of before.states.values()) {
      if (key !== undefined && !known.has(key)) return false;
    }
    this.#next.set(folder, before);
    return true;
  }

  /** One container's folder. Returns whether it is one. */
  #addState(folder: string, namespace: string, within: SeenFolder, search: StateSearch): boolean {
    const { quick } = this.#host;
    // runc and ours write state.json, crun writes status.
    let path = join(folder, "state.json");
    let modifiedMs = quick.look(path)?.modifiedMs;
    if (modifiedMs === undefined) {
      path = join(folder, "status");
      modifiedMs = quick.look(path)?.modifiedMs;
    }
    if (modifiedMs === undefined) return false;
    const { known, found } = search;
    const seen = this.#seenIn(folder)?.states.get(path);
    if (seen?.modifiedMs === modifiedMs && (seen.key === undefined || known.has(seen.key))) {
      within.states.set(path, seen);
      return true;
    }
    const container = readState(this.#host, path, basename(folder), namespace);
    within.states.set(path, { modifiedMs, key: container?.key });
    if (container && !known.has(container.key) && found.size < MAX_CONTAINERS) {
      found.set(container.key, container);
    }
    return true;
  }

  #seenIn(folder: string): SeenFolder | undefined {
    return this.#folders.get(folder.slice(0, folder.lastIndexOf("/")));
  }
}

interface StateText {
  init_process_pid?: unknown;
  init_process_start?: unknown;
  config?: { labels?: unknown };
  /** crun's names. */
  pid?: unknown;
  "process-start-time"?: unknown;
}

function readState(
  { files, mounts }: WatchedHost,
  path: string,
  id: string,
  namespace: string,
): WatchedContainer | undefined {
  const state = files.json(path) as StateText | null | undefined;
  if (typeof state !== "object" || state === null) return undefined;
  const init = Number(state.init_process_pid ?? state.pid);
  if (!Number.isInteger(init) || init <= 0) return undefined;
  // A state that was left behind names a process id that another process may have by now.
  const start = Number(state.init_process_start ?? state["process-start-time"]);
  if (start > 0 && readProcess(files, init)?.startTicks !== start) return undefined;
  const all = readCgroupFolders(files, mounts, init);
  const folders = countersIn(all, hierarchyTops(mounts));
  if (!folders) return undefined;
  const { config } = state;
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

/** Undefined for a process in a top folder: the counters there are the host's. */
function countersIn(all: Map<string, string>, tops: Set<string>): CounterFolders | undefined {
  const pids = all.get("pids");
  const folder = pids ?? all.get("");
  if (folder === undefined || tops.has(folder)) return undefined;
  if (pids === undefined) return unifiedCounters(folder);
  const memory = all.get("memory");
  const cpu = all.get("cpuacct") ?? all.get("cpu");
  const quota = all.get("cpu");
  const parts = { ...(memory && { memory }), ...(cpu && { cpu }), ...(quota && { quota }) };
  return { version: 1, pids, ...parts };
}
