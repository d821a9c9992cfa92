import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { foldersBelow } from "./folder_tree.ts";

const CGROUP_ROOT = "/sys/fs/cgroup";
const MAX_DEPTH = 12;

/** The roots of all hierarchies: each controller's on v1, the one root on v2. */
export function cgroupHierarchies(): string[] {
  if (existsSync(join(CGROUP_ROOT, "cgroup.controllers"))) return [CGROUP_ROOT];
  return readdirSync(CGROUP_ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(CGROUP_ROOT, entry.name));
}

/** Every cgroup folder with `tag` in its path, in every hierarchy, parents before children. */
export function cgroupsOf(tag: string): string[] {
  return cgroupHierarchies().flatMap((root) =>
    foldersBelow(root, MAX_DEPTH).filter((path) => path.includes(tag)),
  );
}

/** Removes the cgroups with `tag` in their path, children first. Returns those that stayed. */
export function removeCgroupsOf(tag: string): string[] {
  const stayed: string[] = [];
  for (const path of cgroupsOf(tag).reverse()) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") stayed.push(path);
    }
  }
  return stayed;
}

/** Thaws frozen cgroups, without which a SIGKILL is not delivered on v1. */
export function thawCgroupsOf(tag: string): void {
  for (const path of cgroupsOf(tag)) {
    for (const [file, thawed] of [
      ["freezer.state", "THAWED"],
      ["cgroup.freeze", "0"],
    ] as const) {
      const knob = join(path, file);
      if (existsSync(knob)) writeFileSync(knob, thawed);
    }
  }
}

/** The folder of one process in the hierarchy that has `controller`, on v1 and on v2. */
export function cgroupOfProcess(pid: number, controller: string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  for (const line of lines) {
    const [, controllers, ...path] = line.split(":");
    if (controllers!.split(",").includes(controller)) {
      return join(CGROUP_ROOT, controller, path.join(":"));
    }
  }
  const unified = lines.find((line) => line.startsWith("0::"));
  if (!unified) throw new Error(`process ${pid} has no cgroup of the ${controller} controller`);
  return join(CGROUP_ROOT, unified.slice(3));
}

/** One number of a cgroup's file; "max" is infinity. */
export function readCgroupNumber(cgroup: string, file: string): number {
  const text = readFileSync(join(cgroup, file), "utf8").trim();
  return text === "max" ? Number.POSITIVE_INFINITY : Number(text);
}
