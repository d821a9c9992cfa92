import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addBind, addMount, allowAll } from "../harness/config_edits.ts";

export const bindCases: ConformanceCase[] = [
  {
    name: "bind of a file onto a path that is not there",
    async run(trial) {
      const source = trial.path("file");
      writeFileSync(source, "content\n");
      const output = await trial.run({
        script: "cat /new/folder/file",
        ownRoot: true,
        edit: (config) => addBind(config, "/new/folder/file", { source }),
      });
      assert.equal(output, "content");
    },
  },
  {
    name: "a relative source is below the bundle",
    async run(trial) {
      const container = await trial.bundle({
        script: "cat /mnt/file",
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source: "beside" }),
      });
      mkdirSync(`${container.bundle}/beside`);
      writeFileSync(`${container.bundle}/beside/file`, "below the bundle\n");
      const output = await trial.must(["run", "--bundle", container.bundle, container.id]);
      assert.equal(output.trim(), "below the bundle");
    },
  },
  {
    name: "a missing source is refused by its name",
    async run(trial) {
      const source = trial.path("no", "such");
      const said = await trial.refused({
        edit: (config) => addBind(config, "/mnt", { source }),
        ownRoot: true,
      });
      assert.match(said, /no\/such/);
    },
  },
  {
    name: "mounts are made in the order of the list",
    async run(trial) {
      const source = trial.folder("source");
      writeFileSync(`${source}/file`, "on top\n");
      const output = await trial.run({
        script: "cat /mnt/inner/file",
        ownRoot: true,
        edit(config) {
          addMount(config, "/mnt", { type: "tmpfs", source: "tmpfs" });
          addBind(config, "/mnt/inner", { source });
        },
      });
      assert.equal(output, "on top");
    },
  },
  {
    name: "a destination behind an absolute link stays in the root",
    async run(trial) {
      const source = trial.folder("source");
      writeFileSync(`${source}/file`, "inside\n");
      const outside = trial.folder("outside");
      const container = await trial.bundle({
        script: `cat /link/deep/file; ls ${outside}/deep`,
        ownRoot: true,
        edit: (config) => addBind(config, "/link/deep", { source }),
      });
      symlinkSync(outside, `${container.bundle}/rootfs/link`);
      const output = await trial.must(["run", "--bundle", container.bundle, container.id]);
      assert.match(output, /inside\nfile/);
      assert.equal(existsSync(`${outside}/deep`), false);
    },
    differs: { crun: "crun 1.8 makes no folders behind a link" },
  },
  {
    name: "a destination that climbs out of the root stays in it",
    async run(trial) {
      const source = trial.folder("source");
      writeFileSync(`${source}/file`, "inside\n");
      const output = await trial.run({
        script: "cat /mnt/file",
        ownRoot: true,
        edit: (config) => addBind(config, "/../../../mnt", { source }),
      });
      assert.equal(output, "inside");
    },
  },
  {
    name: "a device of the host is bound",
    async run(trial) {
      const output = await trial.run({
        script: "stat -c %t:%T /dev/bound",
        edit: (config) => addBind(config, "/dev/bound", { source: "/dev/null" }),
      });
      assert.equal(output, "1:3");
    },
  },
  {
    name: "what is mounted inside is not seen outside",
    async run(trial) {
      const source = trial.folder("source");
      mkdirSync(`${source}/inner`);
      const output = await trial.run({
        script: "mount -t tmpfs tmpfs /mnt/inner && touch /mnt/inner/file && echo mounted",
        ownRoot: true,
        edit(config) {
          allowAll(config);
          addBind(config, "/mnt", { source });
        },
      });
      assert.equal(output, "mounted");
      assert.equal(existsSync(`${source}/inner/file`), false);
    },
  },
  {
    name: "a read-only source stays read-only",
    async run(trial) {
      const source = trial.folder("source");
      await mustRun(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", source]);
      trial.onClose(async () => {
        await mustRun(["umount", source]);
      });
      const output = await trial.run({
        script: "touch /mnt/file 2>/dev/null && echo written || echo refused",
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source }),
      });
      assert.equal(output, "refused");
    },
  },
  {
    name: "a covered file of /proc, and no other of it",
    async run(trial) {
      const source = trial.path("meminfo");
      writeFileSync(source, "MemTotal: 1 kB\n");
      const covered = await trial.run({
        script: "cat /proc/meminfo",
        edit: (config) => addBind(config, "/proc/meminfo", { source }),
      });
      assert.equal(covered, "MemTotal: 1 kB");
      await trial.refused({
        edit: (config) => addBind(config, "/proc/version", { source }),
      });
    },
    differs: { crun: "crun lets any file of /proc be covered" },
  },
  {
    name: "the root is read-only where it is said to be",
    async run(trial) {
      const script = "touch /file 2>/dev/null && echo written || echo refused";
      assert.equal(await trial.run({ script }), "refused");
      assert.equal(await trial.run({ script, ownRoot: true }), "written");
    },
  },
  {
    name: "a root that is not there is refused by its name",
    async run(trial) {
      const said = await trial.refused({
        edit: (config) => Object.assign(config, { root: { path: "nowhere" } }),
      });
      assert.match(said, /nowhere/);
    },
  },
  {
    name: "the whole of the host's root is out of sight",
    async run(trial) {
      const output = await trial.run({ script: "cut -d' ' -f4,5 /proc/self/mountinfo" });
      assert.doesNotMatch(output, / \/(home|run|usr|var)\b/);
      assert.doesNotMatch(output, / \/\.?(old|pivot|put)/);
    },
  },
];
