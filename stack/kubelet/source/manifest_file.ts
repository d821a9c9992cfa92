import { constants } from "node:fs";
import { lstat, open, stat } from "node:fs/promises";
import { toChainError } from "#lib/errors/chain_error.ts";
import { MAX_MANIFEST_BYTES, type ManifestEntry, readManifest } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";

/** What was last seen of one file of manifests. */
export interface SeenFile {
  /** Changes when the file was written or replaced. */
  version: string;
  entries: ManifestEntry[];
  /** The pods of the last text that had any, kept while a newer one is broken. */
  pods: Pod[];
}

/**
 * Reads a file of manifests, unless it is as it was `before`. Undefined for what holds no pods: a
 * file that is gone, a folder. What cannot be read is told as an entry, and keeps the pods that the
 * file had; so does a text without a pod, as an editor leaves it while it writes.
 */
export async function readManifestFile(
  path: string,
  nodeName: string,
  before: SeenFile | undefined,
): Promise<SeenFile | undefined> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return undefined;
    const version = `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (before?.version === version) return before;
    if (!found.isFile()) return broken(version, path, "not a regular file", before);
    const text = await readText(path);
    if (typeof text !== "string") return broken(version, path, text.problem, before);
    const entries = readManifest(text, path, nodeName);
    if (entries.length === 0) return broken(version, path, "holds no pod", before);
    const pods = entries.flatMap(({ pod }) => (pod ? [pod] : []));
    const faulty = entries.some(({ errors }) => errors.length > 0);
    return { version, entries, pods: faulty ? keepMissing(pods, before?.pods ?? []) : pods };
  } catch (thrown) {
    const { outer, words } = toChainError(thrown, "kubelet", "read manifest");
    if (outer.code === "not_found" && !(await isLink(path))) return undefined;
    return broken(words, path, words, before);
  }
}

/** The text of a file; never more than a manifest may have, whatever is written meanwhile. */
async function readText(path: string): Promise<string | { problem: string }> {
  // Not blocked by a FIFO that took the file's place.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MAX_MANIFEST_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_MANIFEST_BYTES) return { problem: `larger than ${MAX_MANIFEST_BYTES} bytes` };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
    return text.includes("\0") ? { problem: "binary: it holds a NUL byte" } : text;
  } catch (error) {
    if (error instanceof TypeError) return { problem: "binary: it is no UTF-8 text" };
    throw error;
  } finally {
    await file.close();
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

function broken(
  version: string,
  path: string,
  message: string,
  before: SeenFile | undefined,
): SeenFile {
  return { version, entries: [refusedFile(path, message)], pods: before?.pods ?? [] };
}

/** An entry that says why nothing is taken from a file. */
export function refusedFile(path: string, message: string): ManifestEntry {
  return { origin: path, errors: [{ path: "", message }], warnings: [] };
}

/** Pods of the broken file's last good text that its new one does not replace. */
function keepMissing(pods: Pod[], before: Pod[]): Pod[] {
  const names = new Set(pods.map((pod) => `${pod.namespace}/${pod.name}`));
  return [...pods, ...before.filter((pod) => !names.has(`${pod.namespace}/${pod.name}`))];
}
