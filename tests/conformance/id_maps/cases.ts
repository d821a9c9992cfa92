import assert from "node:assert/strict";
import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { addBind, addMount, addUserNamespace } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";

const MAPPED = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** A folder of the host with one file of the given owner. */
function ownedFolder(trial: Trial, owner: number): string {
  const folder = trial.folder("data");
  const file = `${folder}/file`;
  writeFileSync(file, "data\n");
  chownSync(file, owner, owner);
  return folder;
}

const IDMAP_RUNC = "id-mapped mounts came with runc 1.2";

const CASES: ConformanceCase[] = [
  {
    name: "maps are those of the configuration",
    async run(trial) {
      const edit = (config: RuntimeConfig) => addUserNamespace(config);
      const output = await trial.run({ script: "cat /proc/self/uid_map; id -u", edit });
      assert.match(output, /^\s*0\s+100000\s+65536\n0$/);
    },
  },
  {
    name: "several ranges",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        addUserNamespace(config);
        const uidMappings = [
          { containerID: 0, hostID: 100000, size: 10 },
          { containerID: 1000, hostID: 200000, size: 5 },
        ];
        Object.assign(config.linux, { uidMappings });
      };
      const output = await trial.run({ script: "cat /proc/self/uid_map", edit });
      assert.deepEqual(
        output.split("\n").map((line) => line.trim().split(/\s+/).join(" ")),
        ["0 100000 10", "1000 200000 5"],
      );
    },
  },
  {
    name: "the container's root is an ordinary user of the host",
    async run(trial) {
      const container = await trial.start({ edit: (config) => addUserNamespace(config) });
      const status = readFileSync(`/proc/${await container.pid()}/status`, "utf8");
      assert.match(status, /^Uid:\s+100000\s/m);
    },
  },
  {
    name: "exec enters the user namespace",
    async run(trial) {
      const container = await trial.start({ edit: (config) => addUserNamespace(config) });
      assert.match(await container.exec(["cat", "/proc/self/uid_map"]), /100000/);
    },
  },
  {
    name: "a user namespace without maps is refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        addUserNamespace(config);
        Object.assign(config.linux, { uidMappings: [], gidMappings: [] });
      };
      await trial.refused({ edit });
    },
  },
  {
    name: "maps without a user namespace are refused",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        Object.assign(config.linux, { uidMappings: MAPPED, gidMappings: MAPPED });
      };
      await trial.refused({ edit });
    },
    differs: { runc: "runc 1.1 ignores them", crun: "so does crun" },
  },
  {
    name: "a bind source that only the host's root can reach",
    async run(trial) {
      const folder = trial.folder("closed", "inner");
      writeFileSync(`${folder}/file`, "reached\n");
      chmodSync(trial.folder("closed"), 0o700);
      const output = await trial.run({
        script: "cat /mnt/file",
        edit(config) {
          addUserNamespace(config);
          addBind(config, "/mnt", { source: folder });
        },
        ownRoot: true,
      });
      assert.equal(output, "reached");
    },
  },
  {
    name: "an id-mapped mount by its own maps",
    async run(trial) {
      const source = ownedFolder(trial, 0);
      const output = await trial.run({
        script: "stat -c %u:%g /mnt/file",
        ownRoot: true,
        edit: (config) =>
          addMount(config, "/mnt", {
            ...{ type: "bind", source, options: ["bind"] },
            ...{ uidMappings: MAPPED, gidMappings: MAPPED },
          }),
      });
      assert.equal(output, "100000:100000");
    },
    differs: { runc: IDMAP_RUNC },
  },
  {
    name: "an id-mapped mount by the container's maps",
    async run(trial) {
      const source = ownedFolder(trial, 0);
      const output = await trial.run({
        script: "stat -c %u:%g /mnt/file",
        ownRoot: true,
        edit(config) {
          addUserNamespace(config);
          addMount(config, "/mnt", {
            ...{ type: "bind", source, options: ["bind", "idmap"] },
            ...{ uidMappings: MAPPED, gidMappings: MAPPED },
          });
        },
      });
      assert.equal(output, "0:0");
    },
    differs: { runc: IDMAP_RUNC },
  },
  {
    name: "supplementary groups in a user namespace",
    async run(trial) {
      const edit = (config: RuntimeConfig) => {
        addUserNamespace(config);
        Object.assign(config.process, { user: { uid: 5, gid: 6, additionalGids: [7, 8] } });
      };
      const output = await trial.run({ script: "id -u; id -g; id -G", edit });
      assert.equal(output, "5\n6\n6 7 8");
    },
  },
];

export const idMaps: Feature = { name: "id maps", cases: CASES };
