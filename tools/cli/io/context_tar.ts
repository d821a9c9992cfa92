import {
  createReadStream,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { IgnoreList } from "#lib/build_context/ignore_list.ts";
import { failure, toChainError } from "#lib/errors/chain_error.ts";

const MAX_DEPTH = 400;

/** A Dockerfile that lies outside of the context, and the name it gets inside. */
export interface ExtraFile {
  name: string;
  text: string;
}

/**
 * Packs a folder as a build's context, without what its .dockerignore leaves out. The Dockerfile
 * and .dockerignore always go along: the daemon needs them, and drops them itself.
 */
export function contextTar(
  folder: string,
  dockerfile: string,
  extra?: ExtraFile,
): AsyncIterable<Uint8Array> {
  const packing = pack();
  const list = new IgnoreList(readIgnore(folder));
  const packer = new ContextPacker(packing, folder, list, new Set([dockerfile, ".dockerignore"]));
  packer
    .folder("", 0)
    .then(() => {
      if (extra) packing.entry({ name: extra.name, mode: 0o600 }, extra.text);
      packing.finalize();
    })
    .catch((thrown: unknown) => packing.destroy(toChainError(thrown, "cli", "pack context")));
  return packing as unknown as AsyncIterable<Uint8Array>;
}

function readIgnore(folder: string): string {
  try {
    return readFileSync(join(folder, ".dockerignore"), "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return "";
    throw toChainError(error, "cli", "read .dockerignore");
  }
}

class ContextPacker {
  readonly #packing: Pack;
  readonly #root: string;
  readonly #list: IgnoreList;
  readonly #always: ReadonlySet<string>;

  constructor(packing: Pack, root: string, list: IgnoreList, always: ReadonlySet<string>) {
    this.#packing = packing;
    this.#root = root;
    this.#list = list;
    this.#always = always;
  }

  async folder(path: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw tooDeep(path);
    for (const name of readdirSync(join(this.#root, path)).sort()) {
      await this.#entry(path === "" ? name : `${path}/${name}`, depth);
    }
  }

  async #entry(path: string, depth: number): Promise<void> {
    const stats = lstatSync(join(this.#root, path));
    const ignored = this.#list.ignores(path) && !this.#always.has(path);
    if (stats.isDirectory()) {
      // Something inside may come in again, or be what the daemon needs.
      const wanted = [...this.#always].some((name) => name.startsWith(`${path}/`));
      if (ignored && !wanted && !this.#list.hasExceptions) return;
      if (!ignored) this.#packing.entry({ ...header(stats, `${path}/`), type: "directory" });
      await this.folder(path, depth + 1);
      return;
    }
    if (ignored || stats.isSocket()) return;
    if (stats.isSymbolicLink()) {
      const linkname = readlinkSync(join(this.#root, path));
      this.#packing.entry({ ...header(stats, path), type: "symlink", linkname });
    } else if (stats.isFile()) await this.#file(path, stats);
  }

  async #file(path: string, stats: Stats): Promise<void> {
    if (stats.size === 0) {
      this.#packing.entry({ ...header(stats, path), size: 0 }, "");
      return;
    }
    const entry = this.#packing.entry({ ...header(stats, path), size: stats.size });
    // A file that grows meanwhile is sent as long as it was.
    const source = createReadStream(join(this.#root, path), { end: stats.size - 1 });
    await pipeline(source, entry);
  }
}

const header = (stats: Stats, name: string) => ({
  name,
  mode: stats.mode & 0o7777,
  mtime: stats.mtime,
  uid: 0,
  gid: 0,
});

const tooDeep = (path: string) =>
  failure({
    layer: "cli",
    op: "pack context",
    code: "invalid_argument",
    message: `folders too deep at ${path}`,
  });
