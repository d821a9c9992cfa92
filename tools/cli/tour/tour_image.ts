import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { pack } from "tar-stream";
import { libexecPath } from "#lib/install/install_paths.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";

/** Folders that hold a host's programs and what they need; some are links into /usr. */
const PROGRAM_FOLDERS = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix"];
const EMPTY_FOLDERS = ["dev", "etc", "proc", "root", "run", "sys", "tmp", "var"];
const EXECUTABLE_MODE = 0o755;
const ACCOUNTS: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
  "etc/group": "root:x:0:\n",
};

/** Where the leaking program lies in the tour's image. */
export const LEAK_PROGRAM = "/thread-leak";

/**
 * The binds that bring the host's own programs into a container, read-only: so the tour needs no
 * registry and no package.
 */
export function hostPrograms(): string[] {
  return PROGRAM_FOLDERS.filter((name) => lstatOf(`/${name}`)?.isDirectory()).map(
    (name) => `/${name}:/${name}:ro`,
  );
}

/** Makes the tour's image: links as the host has them, mount points, the leaking program. */
export async function importTourImage(engine: DockerEngine, name: string): Promise<void> {
  const archive = pack();
  const mtime = new Date(0);
  for (const folder of [...EMPTY_FOLDERS, ...PROGRAM_FOLDERS]) {
    const stat = lstatOf(`/${folder}`);
    if (stat?.isSymbolicLink()) {
      const linkname = readlinkSync(`/${folder}`);
      if (PROGRAM_FOLDERS.includes(folder)) {
        archive.entry({ name: folder, type: "symlink", linkname, mtime });
        continue;
      }
    }
    if (EMPTY_FOLDERS.includes(folder) || stat?.isDirectory()) {
      archive.entry({ name: `${folder}/`, type: "directory", mode: EXECUTABLE_MODE, mtime });
    }
  }
  for (const [file, text] of Object.entries(ACCOUNTS)) archive.entry({ name: file, mtime }, text);
  const leak = readFileSync(libexecPath("catena-thread-leak"));
  archive.entry({ name: LEAK_PROGRAM.slice(1), mode: EXECUTABLE_MODE, mtime }, leak);
  archive.finalize();
  const options = { repo: name, tag: "latest", message: "catena tour", changes: [], platform: "" };
  const tar = archive as unknown as AsyncIterable<Uint8Array>;
  for await (const message of engine.imageImport(tar, options, {})) {
    if (message.error !== undefined) throw new Error(`import ${name}: ${message.error}`);
  }
}

function lstatOf(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
}
