import assert from "node:assert/strict";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addMount } from "../harness/config_edits.ts";
import { onV1, PIDS_HIERARCHY } from "../harness/host_cgroups.ts";

const tmpfs = (...options: string[]) => ({ type: "tmpfs", source: "tmpfs", options });

export const tmpfsCases: ConformanceCase[] = [
  {
    name: "tmpfs: size and mode",
    async run(trial) {
      const output = await trial.run({
        script: "stat -c %a /mnt; df -k /mnt | tail -1 | tr -s ' ' | cut -d' ' -f2",
        ownRoot: true,
        edit: (config) => addMount(config, "/mnt", tmpfs("size=128k", "mode=1711")),
      });
      assert.equal(output, "1711\n128");
    },
    differs: { runc: "runc 1.1.5 gives it the mode of what it covers" },
  },
  {
    name: "tmpfs: the mode of what it covers, when none is given",
    async run(trial) {
      const output = await trial.run({
        script: "stat -c %a /tmp",
        ownRoot: true,
        edit: (config) => addMount(config, "/tmp", tmpfs()),
      });
      assert.equal(output, "1777");
    },
  },
  {
    name: "tmpfs: tmpcopyup keeps files, modes and links of what it covers",
    async run(trial) {
      const container = await trial.bundle({
        script: "cat /data/file; stat -c %a /data/file; readlink /data/link; touch /data/new",
        ownRoot: true,
        edit: (config) => addMount(config, "/data", tmpfs("tmpcopyup")),
      });
      const { mkdirSync, writeFileSync, symlinkSync } = await import("node:fs");
      const data = `${container.bundle}/rootfs/data`;
      mkdirSync(data);
      writeFileSync(`${data}/file`, "copied\n", { mode: 0o640 });
      symlinkSync("file", `${data}/link`);
      const output = await trial.must(["run", "--bundle", container.bundle, container.id]);
      assert.equal(output.trim(), "copied\n640\nfile");
    },
  },
  {
    name: "tmpfs: ro",
    async run(trial) {
      const output = await trial.run({
        script: "touch /mnt/x 2>/dev/null && echo written || echo refused",
        ownRoot: true,
        edit: (config) => addMount(config, "/mnt", tmpfs("ro")),
      });
      assert.equal(output, "refused");
    },
  },
  {
    name: "an option that the file system does not know is refused",
    async run(trial) {
      await trial.refused({
        ownRoot: true,
        edit: (config) => addMount(config, "/mnt", tmpfs("nonsense=1")),
      });
    },
  },
  {
    name: "a file system that the kernel does not know is refused by its name",
    async run(trial) {
      const said = await trial.refused({
        ownRoot: true,
        edit: (config) => addMount(config, "/mnt", { type: "nosuchfs", source: "x" }),
      });
      assert.match(said, /nosuchfs|mnt/);
    },
  },
  {
    name: "devpts has terminals of its own",
    async run(trial) {
      const output = await trial.run({ script: "ls /dev/pts; readlink /dev/ptmx" });
      assert.match(output, /^ptmx\n(\/dev\/)?pts\/ptmx$/);
    },
  },
  {
    name: "mqueue and shm",
    async run(trial) {
      const output = await trial.run({ script: "stat -f -c %T /dev/shm; stat -c %a /dev/shm" });
      assert.equal(output, "tmpfs\n1777");
    },
  },
  {
    name: "cgroup: the container's own folders, read-only",
    async run(trial) {
      const output = await trial.run({
        script:
          "cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; mkdir /sys/fs/cgroup/pids/x || echo ro",
      });
      assert.match(output, /^[1-3]\nro$/);
    },
    // On v2 it is the host's whole hierarchy that is shown, read-only, without a namespace.
    skip: onV1("pids"),
  },
  {
    name: "cgroup: with a cgroup namespace",
    async run(trial) {
      const output = await trial.run({
        script: `cat ${PIDS_HIERARCHY}/cgroup.procs | wc -l`,
        edit: (config) => {
          const list = config.linux["namespaces"] as object[];
          list.push({ type: "cgroup" });
        },
      });
      assert.match(output, /^[1-3]$/);
    },
  },
];
