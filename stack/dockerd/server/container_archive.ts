import { closeSync, fstatSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { O } from "#lib/linux/open_flag.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ArchivePut, ByteStream } from "#wire/docker-api/engine.ts";
import type { PathStat } from "#wire/docker-api/types/container_view.ts";
import { withContainerRoot } from "../archive/container_view.ts";
import { goFileMode } from "../archive/file_mode.ts";
import { tarContent, tarEntry } from "../archive/tar_tree.ts";
import { untar } from "../archive/untar_tree.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { forbidden, invalid, notFound } from "../refusals.ts";
import { openRoot, readRootedText } from "../rootfs/rooted_files.ts";
import { resolveUser } from "../spec/user_lookup.ts";

const missing = (ref: string, path: string) =>
  notFound("find file", `Could not find the file ${path} in container ${ref}`);

/** Opens what lies at a path; a last link itself unless the path ends in a slash. */
function openPath(rootFd: number, ref: string, path: string, follow: boolean): number {
  try {
    return openInRoot(rootFd, posix.join("/", path), O.PATH | (follow ? 0 : O.NOFOLLOW));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") throw missing(ref, path);
    if (code === "ELOOP" || code === "ENAMETOOLONG") {
      throw invalid(
        "find file",
        `${path}: ${code === "ELOOP" ? "too many links" : "name too long"}`,
      );
    }
    throw error;
  }
}

const asksFolder = (path: string) => /(^|\/)\.?$/.test(path);

function statPath(rootFd: number, ref: string, path: string): PathStat {
  const fd = openPath(rootFd, ref, path, asksFolder(path));
  try {
    const stats = fstatSync(fd);
    if (asksFolder(path) && !stats.isDirectory()) {
      throw invalid("find file", `${path}: not a directory`);
    }
    return {
      name: posix.basename(posix.join("/", path)) || "/",
      size: stats.size,
      mode: goFileMode(stats),
      mtime: stats.mtime.toISOString(),
      linkTarget: stats.isSymbolicLink() ? linkTarget(rootFd, path) : "",
    };
  } finally {
    closeSync(fd);
  }
}

/** Where a link leads inside the container: an absolute path. */
function linkTarget(rootFd: number, path: string): string {
  const absolute = posix.join("/", path);
  try {
    const fd = openInRoot(rootFd, absolute, O.PATH);
    try {
      const root = readlinkSync(`/proc/self/fd/${rootFd}`);
      const real = readlinkSync(`/proc/self/fd/${fd}`);
      const inner = root !== "/" && real.startsWith(`${root}/`) ? real.slice(root.length) : real;
      return posix.join("/", inner);
    } finally {
      closeSync(fd);
    }
  } catch {
    // It dangles: where it points, without looking.
    const fd = openInRoot(rootFd, posix.dirname(absolute), O.PATH | O.DIRECTORY);
    try {
      const text = readlinkSync(`/proc/self/fd/${fd}/${posix.basename(absolute)}`);
      return posix.resolve(posix.dirname(absolute), text);
    } finally {
      closeSync(fd);
    }
  }
}

/** HEAD /containers/ID/archive */
export async function archiveStat(
  daemon: Daemon,
  ref: string,
  path: string,
  context: CallContext,
): Promise<PathStat> {
  const container = daemon.find(ref);
  return withContainerRoot(daemon, container, context, async (rootFd) =>
    statPath(rootFd, ref, path),
  );
}

/** GET /containers/ID/archive. The container's view is held until the tar was read or dropped. */
export async function archiveGet(
  daemon: Daemon,
  ref: string,
  path: string,
  context: CallContext,
): Promise<{ stat: PathStat; tar: ByteStream }> {
  const container = daemon.find(ref);
  return new Promise((resolve, reject) => {
    withContainerRoot(daemon, container, context, async (rootFd) => {
      const stat = statPath(rootFd, ref, path);
      const source = openSource(rootFd, ref, path);
      daemon.events.container(container, "archive-path");
      await new Promise<void>((done) => resolve({ stat, tar: released(source, done) }));
    }).catch(reject);
  });
}

/** The tar of what a path names; a path that ends in "/." means what is in the folder. */
function openSource(rootFd: number, ref: string, path: string): ByteStream {
  const absolute = posix.join("/", path);
  if (path.endsWith("/.") || absolute === "/") {
    const fd = openInRoot(rootFd, absolute, O.DIRECTORY);
    return absolute === "/" && !path.endsWith("/.") ? tarContent(fd, "/") : tarEntry(fd, ".", "./");
  }
  const name = posix.basename(absolute.replace(/\/+$/, ""));
  const parent = posix.dirname(absolute.replace(/\/+$/, ""));
  if (asksFolder(path)) {
    const fd = openPath(rootFd, ref, absolute, true);
    return tarEntry(fd, ".", `${name}/`);
  }
  return tarEntry(openInRoot(rootFd, parent, O.PATH | O.DIRECTORY), name, name);
}

async function* released(data: ByteStream, release: () => void): ByteStream {
  try {
    yield* data;
  } finally {
    release();
  }
}

/** PUT /containers/ID/archive */
export async function archivePut(
  daemon: Daemon,
  ref: string,
  options: ArchivePut,
  tar: ByteStream,
  context: CallContext,
): Promise<void> {
  const container = daemon.find(ref);
  const op = "extract archive";
  await withContainerRoot(daemon, container, context, async (rootFd) => {
    const fd = openPath(rootFd, ref, options.path, true);
    try {
      if (!fstatSync(fd).isDirectory()) throw invalid(op, "extraction point is not a directory");
    } finally {
      closeSync(fd);
    }
    checkWritable(container, options.path);
    const files = {
      passwd: readRootedText(rootFd, "/etc/passwd"),
      group: readRootedText(rootFd, "/etc/group"),
    };
    const user = container.record.config.User ?? "";
    await untar(tar, {
      rootFd,
      folder: options.path,
      noOverwriteDirNonDir: options.noOverwriteDirNonDir,
      ...(options.copyUidGid ? { owner: resolveUser(user, files) } : {}),
    });
  });
  daemon.events.container(container, "extract-to-dir", { path: options.path });
}

/** What the container itself could not write, `cp` does not write either. */
function checkWritable(container: Container, path: string): void {
  const op = "extract archive";
  const place = posix.join("/", path);
  const mount = container.record.mounts
    .filter(({ Destination: d }) => place === d || place.startsWith(`${d}/`))
    .sort((a, b) => b.Destination.length - a.Destination.length)[0];
  if (mount && !mount.RW) throw forbidden(op, "mounted volume is marked read-only");
  if (!mount && container.record.hostConfig.ReadonlyRootfs) {
    throw forbidden(op, "container rootfs is marked read-only");
  }
}

/** GET /containers/ID/export: the container's own files, without its volumes. */
export async function containerExport(
  daemon: Daemon,
  ref: string,
  context: CallContext,
): Promise<ByteStream> {
  const container = daemon.find(ref);
  const { snapshotter, id, state } = container.record;
  daemon.events.container(container, "export");
  if (state.running) return tarContent(reopen(daemon.mounts.path(id)), "");
  return new Promise((resolve, reject) => {
    container.lock
      .run(async () => {
        const call = daemon.call(context);
        const { mounts } = await daemon.services.snapshots.mounts({ snapshotter, key: id }, call);
        const rootfs = daemon.mounts.mount(id, mounts, true);
        try {
          const data = tarContent(reopen(rootfs), "");
          await new Promise<void>((done) => resolve(released(data, done)));
        } finally {
          daemon.mounts.unmount(id);
        }
      })
      .catch(reject);
  });
}

/** A descriptor that folders can be listed through. */
function reopen(rootfs: string): number {
  const rootFd = openRoot(rootfs);
  try {
    return openInRoot(rootFd, "/", O.DIRECTORY);
  } finally {
    closeSync(rootFd);
  }
}
