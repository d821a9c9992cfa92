import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import type { Container } from "../harness/container.ts";
import { onV1 } from "../harness/host_cgroups.ts";

/** A file of the container's cgroup in a v1 hierarchy. */
function cgroupFile(container: Container, controller: string, file: string): string {
  const { tag } = container.trial.sandbox;
  const path = `/sys/fs/cgroup/${controller}/${tag}/${container.id}/${file}`;
  return readFileSync(path, "utf8").trim();
}

const limit = (resources: object) => (config: RuntimeConfig) => {
  Object.assign(config.linux.resources, resources);
};

const MIB = 1024 * 1024;

const FILES: [controller: string, resources: object, file: string, value: string][] = [
  ["pids", { pids: { limit: 77 } }, "pids.max", "77"],
  ["pids", { pids: { limit: -1 } }, "pids.max", "max"],
  ["memory", { memory: { limit: 64 * MIB } }, "memory.limit_in_bytes", String(64 * MIB)],
  ["memory", { memory: { reservation: 32 * MIB } }, "memory.soft_limit_in_bytes", `${32 * MIB}`],
  ["memory", { memory: { swappiness: 30 } }, "memory.swappiness", "30"],
  ["cpu", { cpu: { shares: 512 } }, "cpu.shares", "512"],
  ["cpu", { cpu: { quota: 50000, period: 100000 } }, "cpu.cfs_quota_us", "50000"],
  ["cpu", { cpu: { quota: 50000, period: 200000 } }, "cpu.cfs_period_us", "200000"],
  ["cpuset", { cpu: { cpus: "0" } }, "cpuset.cpus", "0"],
  ["cpuset", { cpu: { mems: "0" } }, "cpuset.mems", "0"],
  ["net_cls", { network: { classID: 1048577 } }, "net_cls.classid", "1048577"],
];

const files = FILES.map(
  ([controller, resources, file, value]): ConformanceCase => ({
    name: `${file} is ${value}`,
    async run(trial) {
      const container = await trial.start({ edit: limit(resources) });
      assert.equal(cgroupFile(container, controller, file), value);
    },
    skip: onV1(controller),
    ...(value === "max" ? { differs: { crun: "crun 1.8 writes -1 as it is" } } : {}),
  }),
);

const UPDATES: [flags: string[], controller: string, file: string, value: string][] = [
  [["--pids-limit", "33"], "pids", "pids.max", "33"],
  [["--memory", "50331648"], "memory", "memory.limit_in_bytes", "50331648"],
  [["--cpu-share", "300"], "cpu", "cpu.shares", "300"],
  [["--cpuset-cpus", "0"], "cpuset", "cpuset.cpus", "0"],
];

const updates = UPDATES.map(
  ([flags, controller, file, value]): ConformanceCase => ({
    name: `update ${flags[0]}`,
    async run(trial) {
      const container = await trial.start();
      await trial.must(["update", ...flags, container.id]);
      assert.equal(cgroupFile(container, controller, file), value);
    },
    skip: onV1(controller),
  }),
);

const CASES: ConformanceCase[] = [
  {
    name: "update by a file of resources, from stdin",
    async run(trial) {
      const container = await trial.start();
      const stdin = JSON.stringify({ pids: { limit: 44 }, cpu: { shares: 2048 } });
      const result = await trial.call(["update", "--resources", "-", container.id], { stdin });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(cgroupFile(container, "pids", "pids.max"), "44");
      assert.equal(cgroupFile(container, "cpu", "cpu.shares"), "2048");
    },
    skip: onV1("pids"),
  },
  {
    name: "an update leaves the other limits",
    async run(trial) {
      const container = await trial.start({ edit: limit({ cpu: { shares: 700 } }) });
      await trial.must(["update", "--pids-limit", "55", container.id]);
      assert.equal(cgroupFile(container, "cpu", "cpu.shares"), "700");
    },
    skip: onV1("pids"),
  },
  {
    name: "the pids limit holds for the container's program",
    async run(trial) {
      const result = await trial.tryRun({
        script: "for i in 1 2 3 4 5 6; do sleep 5 & done; echo all",
        edit: limit({ pids: { limit: 4 } }),
      });
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /fork/);
    },
  },
  {
    name: "a limit that the kernel refuses is a failure that names the file",
    async run(trial) {
      const said = await trial.refused({ edit: limit({ cpu: { cpus: "4000" } }) });
      assert.match(said, /cpuset/);
    },
  },
  {
    name: "unified keys on a host of v1 are refused",
    async run(trial) {
      await trial.refused({ edit: limit({ unified: { "memory.high": "1000000" } }) });
    },
    skip: () =>
      existsSync("/sys/fs/cgroup/cgroup.controllers") ? "a host of cgroup v2 alone" : undefined,
  },
  {
    name: "a cgroup that is there already is kept by others",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        config.linux["cgroupsPath"] = `/${trial.sandbox.tag}/shared-${trial.tag}`;
      };
      const first = await trial.start({ edit });
      const second = await trial.start({ edit });
      await trial.must(["delete", "--force", second.id]);
      assert.equal((await trial.call(["state", first.id])).code, 0);
    },
  },
];

export const resources: Feature = { name: "resources", cases: [...files, ...updates, ...CASES] };
