import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { ChainError } from "#lib/errors/chain_error.ts";
import { exampleSpec } from "../commands/spec_example.ts";
import type { Spec } from "../spec/spec_types.ts";
import { labelsOf, namespacePaths } from "./container_state.ts";
import { containerStatus, runtimeState } from "./container_status.ts";
import { processStat } from "./process_stat.ts";
import { containerConfig } from "./spec_config.ts";
import { specOfConfig } from "./spec_restore.ts";
import { StateStore } from "./state_store.ts";

let root: string;
let store: StateStore;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/state-test-`);
  store = new StateStore(`${root}/states`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function stateOf(id: string, pid: number, spec: Spec = exampleSpec()) {
  const config = containerConfig({
    id,
    spec,
    bundle: "/bundle",
    noPivot: false,
    noNewKeyring: false,
    systemd: false,
    rootlessEuid: false,
    rootlessCgroups: false,
  });
  return {
    id,
    init_process_pid: pid,
    init_process_start: processStat(pid)?.startTime ?? 0,
    created: "2026-01-01T00:00:00Z",
    config,
    rootless: false,
    cgroup_paths: {},
    namespace_paths: namespacePaths(config, pid),
  };
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof ChainError ? error.outer.code : `thrown: ${error}`;
  }
}

test("a state is kept and read back as it was", () => {
  store.createFolder("box");
  const state = stateOf("box", process.pid);
  store.save(state);
  expect(store.load("box")).toEqual(JSON.parse(JSON.stringify(state)));
  expect(store.list()).toEqual(["box"]);
  store.remove("box");
  expect(store.list()).toEqual([]);
});

test("an id is taken once; what is no id names no folder", () => {
  store.createFolder("box");
  expect(codeOf(() => store.createFolder("box"))).toBe("already_exists");
  for (const id of ["", "..", ".", "a/b", "../x", "a b", "x\n", "ä"]) {
    expect([id, codeOf(() => store.folder(id))]).toEqual([id, "invalid_argument"]);
  }
  for (const id of ["a", "A_1+2-3.4", "a,b"])
    expect(codeOf(() => store.folder(id))).toBeUndefined();
});

test("a missing, torn or newer state is told as what it is", () => {
  expect(codeOf(() => store.load("none"))).toBe("not_found");
  mkdirSync(`${root}/states/torn`, { recursive: true });
  for (const text of ["{", "[]", "null", "{}", '{"id":1,"config":{}}']) {
    writeFileSync(`${root}/states/torn/state.json`, text);
    expect([text, codeOf(() => store.load("torn"))]).toEqual([text, "data_loss"]);
  }
  store.createFolder("newer");
  store.save({ ...stateOf("newer", 1), catena: { schema: 99, version: "9" } });
  expect(codeOf(() => store.load("newer"))).toBe("data_loss");
});

test("the status follows the very process, and the FIFO", () => {
  store.createFolder("box");
  const state = stateOf("box", process.pid);
  expect(containerStatus(store, state)).toBe("running");
  writeFileSync(`${root}/states/box/exec.fifo`, "");
  expect(containerStatus(store, state)).toBe("created");
  const later = { ...state, init_process_start: state.init_process_start + 1 };
  expect(containerStatus(store, later)).toBe("stopped");
  expect(runtimeState(later, "stopped").pid).toBe(0);
});

test("commands that change a state take turns", async () => {
  store.createFolder("box");
  const order: string[] = [];
  const { promise: tried, resolve: letGo } = Promise.withResolvers<void>();
  const first = store.locked("box", async () => {
    order.push("first in");
    await tried;
    order.push("first out");
  });
  // A blocking lock in the same process would wait for ever: another process takes it.
  const lock = `${root}/states/box/catena.lock`;
  const other = Bun.spawn(["flock", "-n", lock, "true"]);
  const refused = await other.exited;
  letGo();
  await first;
  expect(refused).toBe(1);
  expect(await Bun.spawn(["flock", "-n", lock, "true"]).exited).toBe(0);
  expect(order).toEqual(["first in", "first out"]);
  const gone = store.locked("none", () => {}).catch((error: ChainError) => error.outer.code);
  expect(await gone).toBe("not_found");
});

test("what exec needs of a spec survives libcontainer's shape", () => {
  const spec = exampleSpec();
  spec.annotations = { "a.b": "c=d" };
  spec.linux!.namespaces = [{ type: "pid" }, { type: "network", path: "/run/netns/x" }];
  spec.linux!.uidMappings = [{ containerID: 0, hostID: 1000, size: 10 }];
  spec.linux!.personality = { domain: "LINUX32" };
  const { config } = stateOf("box", 1, spec);
  expect(labelsOf(config)).toEqual({ bundle: "/bundle", annotations: { "a.b": "c=d" } });
  const restored = specOfConfig(JSON.parse(JSON.stringify(config)));
  expect(restored.linux?.namespaces).toEqual(spec.linux!.namespaces!);
  expect(restored.linux?.uidMappings).toEqual(spec.linux!.uidMappings!);
  expect(restored.linux?.personality).toEqual(spec.linux!.personality!);
  expect(namespacePaths(config, 7)["NEWNET"]).toBe("/run/netns/x");
  expect(namespacePaths(config, 7)["NEWNS"]).toBe("/proc/7/ns/mnt");
});
