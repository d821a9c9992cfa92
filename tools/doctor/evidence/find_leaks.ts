import { join } from "node:path";
import type { FoundContainer } from "../discover/find_containers.ts";
import type { Survey } from "../discover/find_stacks.ts";
import { readMounts } from "../host/mount_table.ts";

const ID = /[0-9a-f]{64}/;
const BUNDLE_ROOTFS = /\/io\.containerd\.runtime\.v[12]\.(?:task|linux)\/([^/]+)\/([^/]+)\/rootfs$/;
const MAX_FOLDERS = 20_000;
const MAX_DEPTH = 3;
const SHOWN = 3;

/** What containers that are gone left behind on this host; a line for each kind. */
export function findLeaks(survey: Survey, containers: readonly FoundContainer[]): string[] {
  const out: string[] = [];
  const mounts = leakedMounts(survey, containers);
  if (mounts.length > 0) {
    out.push(
      `${mounts.length} root file systems of no container are still mounted: ${some(mounts)}`,
    );
  }
  const cgroups = leakedCgroups(survey);
  if (cgroups.length > 0) {
    out.push(
      `${cgroups.length} cgroups of containers are empty and were not removed: ${some(cgroups)}`,
    );
  }
  return out;
}

function some(paths: string[]): string {
  const more = paths.length > SHOWN ? `, and ${paths.length - SHOWN} more` : "";
  return paths.slice(0, SHOWN).join(", ") + more;
}

/** What was made this moment may be a container that is being started. */
const MIN_AGE_MS = 10_000;

function isYoung({ files }: Survey, path: string): boolean {
  const made = files.stat(path)?.mtimeMs;
  return made === undefined || Date.now() - made < MIN_AGE_MS;
}

/** Mounted bundles whose first process is gone and which no shim holds. */
function leakedMounts(survey: Survey, containers: readonly FoundContainer[]): string[] {
  // Who may not read a shim's address cannot say that nobody holds the bundle.
  if (process.getuid?.() !== 0) return [];
  const held = new Set(survey.daemons.shims.map((shim) => `${shim.namespace}/${shim.id}`));
  const out: string[] = [];
  for (const { point } of readMounts(survey.files, "self")) {
    const match = point.match(BUNDLE_ROOTFS);
    if (!match) continue;
    const [, namespace, id] = match;
    if (held.has(`${namespace}/${id}`)) continue;
    const bundle = point.slice(0, -"/rootfs".length);
    const known = containers.some((one) => one.id === id && one.running);
    const pid = Number(survey.files.read(join(bundle, "init.pid"), 32)?.trim());
    const socket = survey.files.read(join(bundle, "address"), 4096)?.trim();
    const listens = socket && survey.listening.has(socket.replace(/^unix:\/\//, ""));
    if (known || survey.processes.has(pid) || listens || isYoung(survey, bundle)) continue;
    out.push(point);
  }
  return out;
}

/** Folders of the pids (or v2) hierarchy that bear a container's id and hold no process at all. */
function leakedCgroups(survey: Survey): string[] {
  const { cgroups, files } = survey;
  const top = cgroups.v1.get("pids")?.point ?? cgroups.v2?.point;
  if (top === undefined) return [];
  const out: string[] = [];
  let looked = 0;
  const visit = (folder: string, depth: number): void => {
    for (const name of files.list(folder)) {
      if (++looked > MAX_FOLDERS) return;
      const path = join(folder, name);
      if (!files.lstat(path)?.isDirectory()) continue;
      if (!ID.test(name)) {
        if (depth < MAX_DEPTH) visit(path, depth + 1);
      } else if (isEmpty(survey, path) && !isYoung(survey, path)) out.push(path);
    }
  };
  visit(top, 0);
  return out;
}

function isEmpty({ files }: Survey, folder: string): boolean {
  if (files.read(join(folder, "cgroup.procs"), 64) !== "") return false;
  const below = files.list(folder).filter((name) => files.lstat(join(folder, name))?.isDirectory());
  return below.length === 0;
}
