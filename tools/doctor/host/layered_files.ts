import type { Stats } from "node:fs";
import { join } from "node:path";
import { HostFiles } from "./host_files.ts";

/** How overlayfs marks a removed file in an upper layer: a character device 0/0. */
function isWhiteout(about: Stats): boolean {
  return about.isCharacterDevice() && about.rdev === 0;
}

/**
 * The files of a rootfs that is not mounted, read from its overlay layers, the uppermost first.
 * Paths outside the rootfs (/proc/self/exe) do not exist here: the host's are asked for them.
 */
export class LayeredFiles extends HostFiles {
  readonly #layers: string[];
  readonly #host: HostFiles;

  constructor(layers: string[], host: HostFiles) {
    super("/");
    this.#layers = layers;
    this.#host = host;
  }

  #find(path: string): string | undefined {
    for (const layer of this.#layers) {
      const candidate = join(layer, path);
      const about = this.#host.lstat(candidate);
      if (about) return isWhiteout(about) ? undefined : candidate;
    }
    return undefined;
  }

  override bytes(path: string, limit?: number): Buffer | undefined {
    if (path.startsWith("/proc/")) return this.#host.bytes(path, limit);
    const found = this.#find(path);
    return found === undefined ? undefined : this.#host.bytes(found, limit);
  }

  override link(path: string): string | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : this.#host.link(found);
  }

  override lstat(path: string): Stats | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : this.#host.lstat(found);
  }
}
