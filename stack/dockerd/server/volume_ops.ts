import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Filters } from "#wire/docker-api/engine.ts";
import type {
  VolumeCreateBody,
  VolumeListView,
  VolumesPruned,
  VolumeView,
} from "#wire/docker-api/types/volume.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import { conflict, unsupported } from "../refusals.ts";
import type { VolumeRecord } from "../volumes/volume_store.ts";
import { volumeUsers } from "./container_remove.ts";

/** Most files that are counted for a volume's size. */
const MAX_FILES = 1_000_000;

/** GET /volumes */
export async function volumeList(daemon: Daemon, filters: Filters): Promise<VolumeListView> {
  checkFilters(filters, ["dangling", "driver", "label", "name"]);
  const dangling = flagFilter(filters, "dangling");
  const found = daemon.volumes.all().filter((record) => {
    if (dangling !== undefined && (volumeUsers(daemon, record.name).length === 0) !== dangling) {
      return false;
    }
    return matches(record, filters);
  });
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { Volumes: found.map((record) => daemon.volumes.view(record)), Warnings: null };
}

function matches(record: VolumeRecord, filters: Filters): boolean {
  if (filters["driver"] && !filters["driver"].includes("local")) return false;
  if (filters["name"] && !filters["name"].some((name) => record.name.includes(name))) return false;
  return matchesLabels(record.labels, filters["label"] ?? []);
}

/** POST /volumes/create */
export async function volumeCreate(daemon: Daemon, body: VolumeCreateBody): Promise<VolumeView> {
  if (body.ClusterVolumeSpec) {
    throw unsupported("create volume", "cluster volumes need a swarm, and this node is in none");
  }
  const { record, made } = daemon.volumes.create(body);
  if (made) daemon.events.publish("volume", "create", record.name, { driver: "local" });
  return daemon.volumes.view(record);
}

/** DELETE /volumes/NAME */
export async function volumeRemove(daemon: Daemon, name: string, force: boolean): Promise<void> {
  if (force && !daemon.volumes.get(name)) return;
  daemon.volumes.find(name);
  const users = volumeUsers(daemon, name);
  if (users.length > 0) {
    const ids = users.map(({ id }) => id).join(", ");
    throw conflict("remove volume", `remove ${name}: volume is in use - [${ids}]`);
  }
  daemon.volumes.remove(name);
  daemon.events.publish("volume", "destroy", name, { driver: "local" });
}

/** POST /volumes/prune: unused ones, only those without a name unless all=true. */
export async function volumePrune(daemon: Daemon, filters: Filters): Promise<VolumesPruned> {
  checkFilters(filters, ["all", "label", "label!"]);
  const all = flagFilter(filters, "all") ?? false;
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const record of daemon.volumes.all()) {
    if (!all && !daemon.volumes.isAnonymous(record)) continue;
    if (!matchesLabels(record.labels, filters["label"] ?? [])) continue;
    if ((filters["label!"] ?? []).some((label) => matchesLabels(record.labels, [label]))) continue;
    if (volumeUsers(daemon, record.name).length > 0) continue;
    reclaimed += folderSize(daemon.volumes.path(record.name));
    daemon.volumes.remove(record.name);
    deleted.push(record.name);
    daemon.events.publish("volume", "destroy", record.name, { driver: "local" });
  }
  daemon.events.pruned("volume", reclaimed);
  return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
}

/** Bytes of the files below a folder, each inode once. */
export function folderSize(folder: string): number {
  const seen = new Set<number>();
  const pending = [folder];
  let bytes = 0;
  while (pending.length > 0 && seen.size < MAX_FILES) {
    const current = pending.pop()!;
    for (const name of readdirSync(current)) {
      const path = join(current, name);
      const stats = lstatSync(path);
      if (stats.isDirectory()) pending.push(path);
      if (seen.has(stats.ino)) continue;
      seen.add(stats.ino);
      bytes += stats.size;
    }
  }
  return bytes;
}
