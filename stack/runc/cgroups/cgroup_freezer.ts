import { failure } from "#lib/errors/chain_error.ts";
import { errnoOfChain, readCgroupFileIfAny, writeCgroupFile } from "./cgroup_files.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";

export type FreezerState = "" | "FROZEN" | "THAWED";

/**
 * v1 has no notification: freezing is retried, thawing now and then to let a busy cgroup settle.
 */
const V1_TRIES = 1000;
const V1_THAW_EVERY = 50;
/** v2 freezes by itself; this is how long we wait for it: 1000 times 10 ms. */
const V2_TRIES = 1000;
const V2_WAIT_MS = 10;

const failed = (message: string) =>
  failure({ layer: "runc", op: "freezer", code: "deadline_exceeded", message });

function freezeV1(folder: string): void {
  for (let i = 0; i < V1_TRIES; i++) {
    if (i % V1_THAW_EVERY === V1_THAW_EVERY - 1) {
      writeCgroupFile(folder, "freezer.state", "THAWED");
      Bun.sleepSync(10);
    }
    writeCgroupFile(folder, "freezer.state", "FROZEN");
    const state = readCgroupFileIfAny(folder, "freezer.state");
    if (state === "FROZEN") return;
    if (state !== "FREEZING") throw failed(`unexpected state ${state} while freezing`);
  }
  throw failed("unable to freeze");
}

function freezeV2(folder: string): void {
  try {
    writeCgroupFile(folder, "cgroup.freeze", "1");
  } catch (error) {
    if (errnoOfChain(error) === "ENOENT") throw failed("freezer not supported");
    throw error;
  }
  for (let i = 0; i < V2_TRIES; i++) {
    const events = readCgroupFileIfAny(folder, "cgroup.events");
    if (events === undefined || /^frozen 1$/m.test(events)) return;
    Bun.sleepSync(V2_WAIT_MS);
  }
  throw failed(
    `timeout of ${(V2_TRIES * V2_WAIT_MS) / 1000}s reached waiting for the cgroup to freeze`,
  );
}

/**
 * Freezes every process of a container's cgroup, and returns when they are. On failure the cgroup
 * is thawed again: half frozen is worse than either.
 */
export function freezeCgroup(paths: CgroupPaths): void {
  const folder = freezerFolder(paths);
  if (folder === undefined) {
    throw failed("cannot toggle freezer: cgroups not configured for container");
  }
  try {
    if (isUnified(paths)) freezeV2(folder);
    else freezeV1(folder);
  } catch (error) {
    try {
      thawCgroup(paths);
    } catch {
      // The failure to freeze is the one to report.
    }
    throw error;
  }
}

/** Thaws a container's cgroup. Where there is no freezer, nothing is frozen. */
export function thawCgroup(paths: CgroupPaths): void {
  const folder = freezerFolder(paths);
  if (folder === undefined) return;
  try {
    if (isUnified(paths)) writeCgroupFile(folder, "cgroup.freeze", "0");
    else writeCgroupFile(folder, "freezer.state", "THAWED");
  } catch (error) {
    if (errnoOfChain(error) !== "ENOENT") throw error;
  }
}

function freezerFolder(paths: CgroupPaths): string | undefined {
  return isUnified(paths) ? paths[""] : paths["freezer"];
}

/**
 * Whether the container's own cgroup is frozen; a frozen ancestor does not make it paused. Empty
 * when the cgroup or the freezer is not there.
 */
export function freezerState(paths: CgroupPaths): FreezerState {
  const folder = freezerFolder(paths);
  if (folder === undefined) return "";
  if (isUnified(paths)) {
    const asked = readCgroupFileIfAny(folder, "cgroup.freeze");
    return asked === undefined ? "" : asked === "1" ? "FROZEN" : "THAWED";
  }
  for (let i = 0; i < V1_TRIES; i++) {
    const state = readCgroupFileIfAny(folder, "freezer.state");
    if (state === undefined) return "";
    if (state === "THAWED") return "THAWED";
    if (state === "FROZEN") {
      return readCgroupFileIfAny(folder, "freezer.self_freezing") === "0" ? "THAWED" : "FROZEN";
    }
    Bun.sleepSync(1);
  }
  return "FROZEN";
}
