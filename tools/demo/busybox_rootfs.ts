import { spawnSync } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { childEnv } from "#lib/install/child_env.ts";

const BUSYBOX = "/bin/busybox";
/** One moment for every entry, so that the same busybox gives the same image. */
const MTIME = new Date(0);

const FOLDERS = ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "usr", "var"];

const FILES: Record<string, string> = {
  "etc/passwd": [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1:daemon:/:/bin/false",
    "nobody:x:65534:65534:nobody:/:/bin/false",
    "",
  ].join("\n"),
  "etc/group": "root:x:0:\ndaemon:x:1:\nusers:x:100:nobody\nnogroup:x:65534:\n",
};

/**
 * Writes a root file system as a tar archive: the system's static busybox with all its names, and
 * `programs` (name in /bin, file of the host).
 */
export async function writeBusyboxTar(
  path: string,
  programs: Record<string, string> = {},
): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path, { mode: 0o644 }));
  addEntries(archive, { busybox: BUSYBOX, ...programs });
  archive.finalize();
  await written;
}

function addEntries(archive: Pack, programs: Record<string, string>): void {
  const folder = (name: string, mode: number) =>
    archive.entry({ name: `${name}/`, type: "directory", mode, mtime: MTIME });
  for (const name of FOLDERS) folder(name, 0o755);
  folder("tmp", 0o1777);
  for (const [name, text] of Object.entries(FILES)) {
    archive.entry({ name, mode: 0o644, mtime: MTIME }, text);
  }
  for (const [name, file] of Object.entries(programs)) {
    archive.entry({ name: `bin/${name}`, mode: 0o755, mtime: MTIME }, readFileSync(file));
  }
  for (const applet of applets()) {
    archive.entry({
      name: `bin/${applet}`,
      type: "symlink",
      linkname: "busybox",
      mode: 0o777,
      mtime: MTIME,
    });
  }
}

/** The names by which this busybox can be called. */
function applets(): string[] {
  const listed = spawnSync(BUSYBOX, ["--list"], { env: childEnv(), encoding: "utf8" });
  if (listed.status !== 0) throw new Error(`${BUSYBOX} --list: ${listed.error ?? listed.stderr}`);
  return listed.stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
}
