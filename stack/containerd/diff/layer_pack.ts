import { once } from "node:events";
import { readlinkSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import type { Pack } from "tar-stream";
import { getXattr, listXattrs } from "#lib/linux/layer_file.ts";
import { type EntryHeader, entryHeader, tarPack } from "#lib/tar/tar_pack.ts";
import type { LayerChange } from "./layer_changes.ts";

const READ_CHUNK_BYTES = 256 * 1024;
/** Only these are content; others describe the host (labels) or the overlay. */
const KEPT_XATTRS = /^(user\.|security\.capability$)/;

/** Packs changes as a layer; `epoch` (Unix seconds) caps times, and is the whiteouts' own. */
export function packLayer(changes: Iterable<LayerChange>, epoch?: number): Pack {
  const archive = tarPack();
  const packer = new LayerPacker(archive, epoch);
  packer.addAll(changes).then(
    () => archive.finalize(),
    (error) => archive.destroy(error),
  );
  return archive;
}

class LayerPacker {
  readonly #archive: Pack;
  readonly #epoch: number | undefined;
  /** First path of each inode that has several. */
  readonly #linked = new Map<string, string>();

  constructor(archive: Pack, epoch: number | undefined) {
    this.#archive = archive;
    this.#epoch = epoch;
  }

  async addAll(changes: Iterable<LayerChange>): Promise<void> {
    for (const change of changes) {
      if (this.#archive.destroyed) return;
      await this.#add(change);
    }
  }

  async #add(change: LayerChange): Promise<void> {
    const { parts } = change;
    if (change.kind === "present") {
      await this.#addPresent(parts.join("/"), change.path, change.stat);
      return;
    }
    const folder = change.kind === "opaque" ? parts : parts.slice(0, -1);
    const name = change.kind === "opaque" ? ".wh..wh..opq" : `.wh.${parts.at(-1)}`;
    const path = [...folder, name].join("/");
    // A mark has no time of its own; without a cap the archive takes the present.
    const time = this.#epoch === undefined ? {} : { mtime: new Date(this.#epoch * 1000) };
    await this.#header({ name: path, mode: 0, size: 0, type: "file", ...time });
  }

  async #addPresent(name: string, path: string, stat: Stats): Promise<void> {
    const header: EntryHeader = {
      name,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtime: this.#time(stat),
      size: 0,
      xattrs: keptXattrs(path),
    };
    if (stat.isDirectory()) await this.#header({ ...header, name: `${name}/`, type: "directory" });
    else if (stat.isSymbolicLink()) {
      await this.#header({ ...header, type: "symlink", linkname: readlinkSync(path) });
    } else if (stat.isFile()) await this.#addFile(header, path, stat);
    else if (stat.isFIFO()) await this.#header({ ...header, type: "fifo" });
    else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
      const type = stat.isBlockDevice() ? "block-device" : "character-device";
      await this.#header({ ...header, type, ...deviceNumbers(stat.rdev) });
    }
    // Sockets have no place in an archive.
  }

  async #addFile(header: EntryHeader, path: string, stat: Stats): Promise<void> {
    const inode = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 ? this.#linked.get(inode) : undefined;
    if (first) {
      await this.#header({ ...header, type: "link", linkname: first, xattrs: new Map() });
      return;
    }
    if (stat.nlink > 1) this.#linked.set(inode, header.name);
    const sink = this.#archive.entry(entryHeader({ ...header, size: stat.size, type: "file" }));
    const file = await open(path, "r");
    try {
      for (let at = 0; at < stat.size; ) {
        const wanted = Math.min(READ_CHUNK_BYTES, stat.size - at);
        const chunk = Buffer.allocUnsafe(wanted);
        const { bytesRead } = await file.read(chunk, 0, wanted, at);
        // The header has promised the size: a file that shrank is told, not padded.
        if (bytesRead === 0) throw new Error(`${path} shrank while it was packed`);
        if (!sink.write(chunk.subarray(0, bytesRead))) await once(sink, "drain");
        at += bytesRead;
      }
      sink.end(null);
    } finally {
      await file.close();
    }
  }

  async #header(header: EntryHeader): Promise<void> {
    this.#archive.entry(entryHeader(header), "");
  }

  #time(stat: Stats): Date {
    const seconds = Math.floor(stat.mtimeMs / 1000);
    return new Date(Math.min(seconds, this.#epoch ?? seconds) * 1000);
  }
}

function keptXattrs(path: string): Map<string, Buffer> {
  const out = new Map<string, Buffer>();
  for (const name of listXattrs(path)) {
    const value = KEPT_XATTRS.test(name) ? getXattr(path, name) : undefined;
    if (value) out.set(name, value);
  }
  return out;
}

/** Linux's encoding of device numbers in 64 bits. */
function deviceNumbers(rdev: number): { devmajor: number; devminor: number } {
  const wide = BigInt(rdev);
  const major = ((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n);
  const minor = (wide & 0xffn) | ((wide >> 12n) & 0xffffff00n);
  return { devmajor: Number(major), devminor: Number(minor) };
}
