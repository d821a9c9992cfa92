import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import { MAX_MANIFEST_BYTES, type ManifestEntry, readManifest } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import type { PodSource, WantedPods } from "./pod_source.ts";

/** As the kubelet's fileCheckFrequency: notifications of some file systems never come. */
const RESCAN_MS = 20_000;
/** An editor writes a file in several steps; it is read when it has been still for so long. */
const SETTLE_MS = 100;
const MAX_FILES = 1024;

interface SeenFile {
  /** Changes when the file was written or replaced. */
  version: string;
  entries: ManifestEntry[];
  /** The pods of the last text that had any, kept while a newer one is broken. */
  pods: Pod[];
}

/** A folder of manifests, watched. Files whose names begin with a dot are left alone. */
export class ManifestFolder implements PodSource {
  readonly #folder: string;
  readonly #nodeName: string;
  readonly #files = new Map<string, SeenFile>();
  #changed: (wanted: WantedPods) => void = () => {};
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #told = "";
  #closed = false;

  constructor(folder: string, nodeName: string) {
    this.#folder = folder;
    this.#nodeName = nodeName;
  }

  async start(changed: (wanted: WantedPods) => void): Promise<void> {
    this.#changed = changed;
    try {
      await readdir(this.#folder);
    } catch (error) {
      const cause = toChainError(error, "kubelet", "read manifests");
      throw cause.wrap({
        layer: "kubelet",
        op: "start",
        code: cause.outer.code,
        message: `manifest folder ${this.#folder}`,
        fix: `make the folder ${this.#folder}, or give another one with --manifests`,
      });
    }
    this.#watcher = watch(this.#folder, () => this.#later(SETTLE_MS));
    this.#watcher.on("error", () => this.#watcher?.close());
    await this.#scanOnce();
    this.#later(RESCAN_MS);
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    clearTimeout(this.#timer);
  }

  #later(delayMs: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#scanOnce().then(() => this.#later(RESCAN_MS));
    }, delayMs);
  }

  /** One scan at a time; who asks meanwhile gets that one. */
  #scanOnce(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  async #scan(): Promise<void> {
    let names: string[];
    try {
      names = (await readdir(this.#folder)).filter((name) => !name.startsWith(".")).sort();
    } catch {
      // An unreachable folder is no reason to end every pod of the node.
      return;
    }
    for (const name of this.#files.keys()) if (!names.includes(name)) this.#files.delete(name);
    for (const name of names.slice(0, MAX_FILES)) await this.#read(name);
    if (this.#closed) return;
    const wanted = this.#wanted();
    const summary = JSON.stringify([
      wanted.pods.map(({ uid, name, rawSpec }) => [uid, name, rawSpec]),
      wanted.entries.map(({ origin, errors, warnings }) => [origin, errors, warnings]),
    ]);
    if (summary === this.#told) return;
    this.#told = summary;
    this.#changed(wanted);
  }

  async #read(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const before = this.#files.get(name);
    try {
      const found = await stat(path);
      if (!found.isFile()) return;
      const version = `${found.ino} ${found.size} ${found.mtimeMs}`;
      if (before?.version === version) return;
      const entries =
        found.size > MAX_MANIFEST_BYTES
          ? [unreadable(path, `larger than ${MAX_MANIFEST_BYTES} bytes`)]
          : readManifest(await readFile(path, "utf8"), path, this.#nodeName);
      const pods = entries.flatMap(({ pod }) => (pod ? [pod] : []));
      const broken = entries.some(({ errors }) => errors.length > 0);
      const kept = broken ? keepMissing(pods, before?.pods ?? []) : pods;
      this.#files.set(name, { version, entries, pods: kept });
    } catch (error) {
      const words = toChainError(error, "kubelet", "read manifest").words;
      const pods = before?.pods ?? [];
      this.#files.set(name, { version: words, entries: [unreadable(path, words)], pods });
    }
  }

  /** Pods of all files; of two with one name the first file's is taken and the other refused. */
  #wanted(): WantedPods {
    const pods = new Map<string, Pod>();
    const entries: ManifestEntry[] = [];
    for (const file of this.#files.values()) {
      entries.push(...file.entries);
      for (const pod of file.pods) {
        const key = `${pod.namespace}/${pod.name}`;
        const first = pods.get(key);
        if (!first) pods.set(key, pod);
        else entries.push(duplicate(pod, first));
      }
    }
    return { pods: [...pods.values()], entries };
  }
}

/** Pods of the broken file's last good text that its new one does not replace. */
function keepMissing(pods: Pod[], before: Pod[]): Pod[] {
  const names = new Set(pods.map((pod) => `${pod.namespace}/${pod.name}`));
  return [...pods, ...before.filter((pod) => !names.has(`${pod.namespace}/${pod.name}`))];
}

function unreadable(path: string, message: string): ManifestEntry {
  return { origin: path, errors: [{ path: "", message }], warnings: [] };
}

function duplicate(pod: Pod, first: Pod): ManifestEntry {
  const where = `in namespace ${pod.namespace}: ${first.origin} has it`;
  const message = `Duplicate value: "${pod.name}" ${where}`;
  return { origin: pod.origin, errors: [{ path: "metadata.name", message }], warnings: [] };
}
