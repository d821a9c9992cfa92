import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readCgroupMounts } from "#tools/doctor/host/cgroup_tree.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { QuickFiles } from "./quick_files.ts";
import type { WatchedContainer } from "./sample.ts";
import { StateFolders } from "./state_folders.ts";

const ROOT = "/run/containerd/runc";
let prefix: string;
let states: StateFolders;

beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), "catena-states-"));
  const mounts = ["pids", "memory", "cpuacct", "cpu"].map(
    (name, index) => `${30 + index} 24 0:26 / /cg/${name} rw - cgroup cgroup rw,${name}`,
  );
  write("/proc/self/mountinfo", `${mounts.join("\n")}\n`);
  const files = new HostFiles(prefix);
  const quick = new QuickFiles(prefix);
  states = new StateFolders({ files, quick, mounts: readCgroupMounts(files) });
});
afterEach(() => rmSync(prefix, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(prefix, path)), { recursive: true });
  writeFileSync(join(prefix, path), text);
}

/** A container's state, and the process that has its process id. */
function container(id: string, pid: number, start: number, startedAt = start): void {
  const state = { init_process_pid: pid, init_process_start: start, config: { labels: [] } };
  write(`${ROOT}/moby/${id}/state.json`, JSON.stringify(state));
  write(`/proc/${pid}/stat`, `${pid} (app) S 1 ${"0 ".repeat(17)}${startedAt} 0\n`);
  const lines = ["pids", "memory", "cpuacct", "cpu"].map((name, at) => `${at}:${name}:/d/${id}`);
  write(`/proc/${pid}/cgroup`, `${lines.join("\n")}\n`);
}

/** Long ago, so that the folder counts as settled. */
function settle(): void {
  utimesSync(join(prefix, ROOT, "moby"), 1_000_000, 1_000_000);
}

function search(known: string[] = []): Map<string, WatchedContainer> {
  const found = new Map<string, WatchedContainer>();
  states.search([ROOT], { known: new Set(known), found });
  return found;
}

test("each controller's own hierarchy is used, the processors' limit that of cpu", () => {
  container("one", 11, 500);
  expect(search().get("/d/one")).toMatchObject({
    id: "one",
    namespace: "moby",
    folders: {
      version: 1,
      pids: "/cg/pids/d/one",
      memory: "/cg/memory/d/one",
      cpu: "/cg/cpuacct/d/one",
      quota: "/cg/cpu/d/one",
    },
  });
});

test("a state whose process id another process has by now is no container", () => {
  container("gone", 12, 500, 900);
  expect(search().size).toBe(0);
});

test("a new state is found, a known one is not told again, one that was lost is", () => {
  container("one", 11, 500);
  settle();
  expect([...search().keys()]).toEqual(["/d/one"]);
  expect(search(["/d/one"]).size).toBe(0);
  expect(search(["/d/one"]).size).toBe(0);
  expect([...search().keys()]).toEqual(["/d/one"]);
  container("two", 13, 700);
  expect([...search(["/d/one"]).keys()]).toEqual(["/d/two"]);
});
