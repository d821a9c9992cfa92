import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerChange } from "#wire/docker-api/types/container_view.ts";
import type { Daemon } from "../daemon.ts";
import { unsupported } from "../refusals.ts";

const MODIFIED = 0;
const ADDED = 1;
const DELETED = 2;
/** Most changes that are told of one container. */
const MAX_CHANGES = 1_000_000;

const exists = (path: string) => {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
};

/** GET /containers/ID/changes: what the overlay's upper folder holds, against the layers below. */
export async function containerChanges(
  daemon: Daemon,
  ref: string,
  context: CallContext,
): Promise<ContainerChange[]> {
  const { id, record } = daemon.find(ref);
  const { mounts } = await daemon.services.snapshots.mounts(
    { snapshotter: record.snapshotter, key: id },
    daemon.call(context),
  );
  const options = mounts[0]?.options ?? [];
  const value = (name: string) =>
    options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = value("upperdir");
  if (!upper) {
    throw unsupported("list changes", `snapshotter ${record.snapshotter} does not tell changes`);
  }
  const lowers = (value("lowerdir") ?? "").split(":").filter((path) => path !== "");
  return changesOf(upper, lowers);
}

/** Compares an upper folder with the lower ones. Whiteouts are devices 0/0. */
export function changesOf(upper: string, lowers: readonly string[]): ContainerChange[] {
  const changes = new Map<string, ContainerChange["Kind"]>();
  const below = (path: string) => {
    for (const lower of lowers) {
      const stats = exists(join(lower, path));
      if (!stats) continue;
      return stats.isCharacterDevice() && stats.rdev === 0 ? undefined : stats;
    }
    return undefined;
  };
  const note = (path: string, kind: ContainerChange["Kind"]) => {
    // A folder with changes inside is told as changed itself, up to the root.
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const parent = path.slice(0, at);
      if (!changes.has(parent)) changes.set(parent, MODIFIED);
    }
    changes.set(path, kind);
  };
  const pending = [""];
  while (pending.length > 0 && changes.size < MAX_CHANGES) {
    const folder = pending.pop()!;
    for (const entry of readdirSync(join(upper, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      const old = below(path);
      if (isWhiteout(entry, join(upper, path))) {
        if (old) note(path, DELETED);
        continue;
      }
      if (!old) note(path, ADDED);
      else if (!entry.isDirectory() || differs(old, lstatSync(join(upper, path)))) {
        note(path, MODIFIED);
      }
      if (entry.isDirectory()) pending.push(path);
    }
  }
  return [...changes]
    .map(([Path, Kind]) => ({ Path, Kind }))
    .sort((a, b) => (a.Path < b.Path ? -1 : 1));
}

function isWhiteout(entry: Dirent, path: string): boolean {
  return entry.isCharacterDevice() && lstatSync(path).rdev === 0;
}

function differs(old: ReturnType<typeof lstatSync>, now: ReturnType<typeof lstatSync>): boolean {
  return (
    old!.mode !== now!.mode ||
    old!.uid !== now!.uid ||
    old!.gid !== now!.gid ||
    old!.mtimeMs !== now!.mtimeMs
  );
}
