import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addNamespace, addUserNamespace, dropNamespace } from "../harness/config_edits.ts";
import { newNetworkNamespace } from "./test_namespace.ts";

const SHOW = "ip address show lo";
const UP = /<LOOPBACK,UP\b[\s\S]*\b127\.0\.0\.1\/8\b/;

export const LOOPBACK_CASES: ConformanceCase[] = [
  {
    name: "the loopback of a new namespace is up, with its address",
    async run(trial) {
      assert.match(await trial.run({ script: SHOW }), UP);
    },
  },
  {
    name: "it is up before createRuntime hooks run",
    async run(trial) {
      const seen = trial.path("seen");
      const pid = "$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | grep '^[0-9]*$')";
      const show = `nsenter --net=/proc/${pid}/ns/net ${SHOW} > ${seen}`;
      const env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
      const hook = { path: "/bin/sh", args: ["sh", "-c", show], env };
      await trial.run({
        script: "true",
        edit: (config) => {
          config["hooks"] = { createRuntime: [hook] };
        },
      });
      assert.match(readFileSync(seen, "utf8"), UP);
    },
  },
  {
    name: "it is up in a user namespace too",
    async run(trial) {
      assert.match(await trial.run({ script: SHOW, edit: (c) => addUserNamespace(c) }), UP);
    },
  },
  {
    name: "an exec finds it up",
    async run(trial) {
      const container = await trial.start();
      assert.match(await container.exec(["ip", "address", "show", "lo"]), UP);
    },
  },
  {
    name: "a namespace that is joined by path is left as it is",
    async run(trial) {
      const { path } = await newNetworkNamespace(trial);
      const edit = (config: Parameters<typeof addNamespace>[0]) =>
        addNamespace(config, "network", path);
      assert.doesNotMatch(await trial.run({ script: SHOW, edit }), /\bUP\b/);
    },
  },
  {
    name: "without a network namespace the caller's is left as it is",
    async run(trial) {
      const { enter } = await newNetworkNamespace(trial);
      const { id, bundle } = await trial.bundle({
        script: SHOW,
        edit(config) {
          dropNamespace(config, "network");
          config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys");
          const cgroups = "/sys/fs/cgroup";
          config.mounts = config.mounts.filter(({ destination }) => destination !== cgroups);
        },
      });
      const env = { CATENA_STATE: trial.folder("catena-state") };
      const argv = [...enter, ...trial.argv("run", "--bundle", bundle, id)];
      const output = await mustRun(argv, { env });
      assert.match(output, /<LOOPBACK>/);
    },
  },
];
