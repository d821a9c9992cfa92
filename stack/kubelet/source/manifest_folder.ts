import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { ManifestEntry } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import { readManifestFile, refusedFile, type SeenFile } from "./manifest_file.ts";
import type { PodSource, WantedPods } from "./pod_source.ts";

/** As the kubelet's fileCheckFrequency: notifications of some file systems never come. */
const RESCAN_MS = 20_000;
/** An editor writes a file in several steps; it is read when it has been still for so long. */
const SETTLE_MS = 100;
const MAX_FILES = 1024;

/** A folder of manifests, watched. Files whose names begin with a dot are left alone. */
export class ManifestFolder implements PodSource {
  readonly #folder: string;
  readonly #nodeName: string;
  readonly #files = new Map<string, SeenFile>();
  #changed: (wanted: WantedPods) => void = () => {};
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #tooMany: ManifestEntry[] = [];
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
    // Those that were taken before go first: a file too many ends no pod.
    const known = names.filter((name) => this.#files.has(name));
    const fresh = names.filter((name) => !this.#files.has(name));
    const room = Math.max(MAX_FILES - known.length, 0);
    for (const name of [...known, ...fresh.slice(0, room)]) await this.#read(name);
    this.#tooMany = fresh
      .slice(room, room + 1)
      .map((name) =>
        refusedFile(join(this.#folder, name), `the folder has more than ${MAX_FILES} files`),
      );
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
    const seen = await readManifestFile(path, this.#nodeName, this.#files.get(name));
    if (seen) this.#files.set(name, seen);
    else this.#files.delete(name);
  }

  /**
   * Pods of all files; of two with one name or uid the first file's is taken and the other refused.
   */
  #wanted(): WantedPods {
    const pods = new Map<string, Pod>();
    const uids = new Map<string, Pod>();
    const entries: ManifestEntry[] = [...this.#tooMany];
    for (const file of this.#files.values()) {
      entries.push(...file.entries);
      for (const pod of file.pods) {
        const key = `${pod.namespace}/${pod.name}`;
        const named = pods.get(key);
        const identified = uids.get(pod.uid);
        if (named) entries.push(duplicate(pod, named));
        else if (identified) entries.push(sameUid(pod, identified));
        else {
          pods.set(key, pod);
          uids.set(pod.uid, pod);
        }
      }
    }
    return { pods: [...pods.values()], entries };
  }
}

function duplicate(pod: Pod, first: Pod): ManifestEntry {
  const where = `in namespace ${pod.namespace}: ${first.origin} has it`;
  return refusedField(pod, "metadata.name", `Duplicate value: "${pod.name}" ${where}`);
}

/** Two pods with one uid would share their folders and cgroups. */
function sameUid(pod: Pod, first: Pod): ManifestEntry {
  const message = `Duplicate value: "${pod.uid}": pod ${first.name} of ${first.origin} has it`;
  return refusedField(pod, "metadata.uid", message);
}

function refusedField({ origin }: Pod, path: string, message: string): ManifestEntry {
  return { origin, errors: [{ path, message }], warnings: [] };
}
