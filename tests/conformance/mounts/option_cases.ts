import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addBind, addMount } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";

/** Option, and the word that a mount's line in mountinfo then has, or has not. */
const PLAIN: [option: string, has: RegExp, hasNot?: RegExp][] = [
  ["ro", /\bro\b/],
  ["rw", /\brw\b/],
  ["nosuid", /\bnosuid\b/],
  ["nodev", /\bnodev\b/],
  ["noexec", /\bnoexec\b/],
  ["noatime", /\bnoatime\b/],
  ["nodiratime", /\bnodiratime\b/],
  ["relatime", /\brelatime\b/],
  ["strictatime", /./, /atime/],
];

const OF_FILESYSTEM: [option: string, has: RegExp][] = [
  ["sync", /\bsync\b/],
  ["dirsync", /\bdirsync\b/],
  ["lazytime", /\blazytime\b/],
];

/** Recursive attributes reach what is mounted below a bind's source. */
const RECURSIVE: [option: string, has: RegExp, hasNot?: RegExp][] = [
  ["rro", /\bro\b/],
  ["rnosuid", /\bnosuid\b/],
  ["rnodev", /\bnodev\b/],
  ["rnoexec", /\bnoexec\b/],
  ["rnoatime", /\bnoatime\b/],
  ["rnodiratime", /\bnodiratime\b/],
  ["rrelatime", /\brelatime\b/],
  ["rstrictatime", /./, /atime/],
  ["rnosymfollow", /\bnosymfollow\b/],
];

const CRUN_REFUSES = new Set(["rnoatime", "rnodiratime", "rstrictatime"]);
const CRUN_ATIME = "crun 1.8 has it refused by mount_setattr";

/** The options of a mount as /proc/self/mountinfo shows them: its own, then its file system's. */
function optionsAt(mountinfo: string, path: string): { own: string; filesystem: string } {
  const fields = mountinfo
    .split("\n")
    .map((line) => line.split(" "))
    .findLast((line) => line[4] === path);
  assert.ok(fields, `${path} is not mounted:\n${mountinfo}`);
  return { own: fields[5]!, filesystem: fields.at(-1)! };
}

function check(text: string, has: RegExp, hasNot: RegExp | undefined): void {
  assert.match(text, has);
  if (hasNot) assert.doesNotMatch(text, hasNot);
}

const READ = "cat /proc/self/mountinfo";

/** A source folder with a file system mounted below it. */
async function sourceWithSubmount(trial: Trial): Promise<string> {
  const source = trial.folder("source");
  mkdirSync(`${source}/sub`);
  await mustRun(["mount", "-t", "tmpfs", "tmpfs", `${source}/sub`]);
  trial.onClose(async () => {
    await mustRun(["umount", `${source}/sub`]);
  });
  return source;
}

const onTmpfs = PLAIN.map(
  ([option, has, hasNot]): ConformanceCase => ({
    name: `tmpfs: ${option}`,
    async run(trial) {
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) =>
          addMount(config, "/mnt", { type: "tmpfs", source: "tmpfs", options: [option] }),
      });
      check(optionsAt(output, "/mnt").own, has, hasNot);
    },
  }),
);

const onBind = PLAIN.map(
  ([option, has, hasNot]): ConformanceCase => ({
    name: `bind: ${option}`,
    async run(trial) {
      const source = trial.folder("source");
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source, options: ["bind", option] }),
      });
      check(optionsAt(output, "/mnt").own, has, hasNot);
    },
  }),
);

const onFilesystem = OF_FILESYSTEM.map(
  ([option, has]): ConformanceCase => ({
    name: `tmpfs: ${option}`,
    async run(trial) {
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) =>
          addMount(config, "/mnt", { type: "tmpfs", source: "tmpfs", options: [option] }),
      });
      assert.match(optionsAt(output, "/mnt").filesystem, has);
    },
  }),
);

const recursive = RECURSIVE.map(
  ([option, has, hasNot]): ConformanceCase => ({
    name: `rbind: ${option}`,
    async run(trial) {
      const source = await sourceWithSubmount(trial);
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source, options: ["rbind", option] }),
      });
      check(optionsAt(output, "/mnt/sub").own, has, hasNot);
      check(optionsAt(output, "/mnt").own, has, hasNot);
    },
    ...(CRUN_REFUSES.has(option) ? { differs: { crun: CRUN_ATIME } } : {}),
    ...(option === "rnosymfollow" ? { differs: { crun: "crun 1.8 does not know it" } } : {}),
  }),
);

export const optionCases: ConformanceCase[] = [
  ...onTmpfs,
  ...onBind,
  ...onFilesystem,
  ...recursive,
  {
    name: "rbind: ro does not reach below, rro does not need to be the last word",
    async run(trial) {
      const source = await sourceWithSubmount(trial);
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source, options: ["rbind", "ro"] }),
      });
      assert.match(optionsAt(output, "/mnt").own, /\bro\b/);
      assert.match(optionsAt(output, "/mnt/sub").own, /\brw\b/);
    },
  },
  {
    name: "bind leaves out what is mounted below",
    async run(trial) {
      const source = await sourceWithSubmount(trial);
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source, options: ["bind"] }),
      });
      assert.doesNotMatch(output, /\/mnt\/sub/);
    },
  },
  {
    name: "the later of two opposites wins",
    async run(trial) {
      const output = await trial.run({
        script: READ,
        ownRoot: true,
        edit: (config) =>
          addMount(config, "/mnt", {
            ...{ type: "tmpfs", source: "tmpfs", options: ["nosuid", "ro", "suid", "rw"] },
          }),
      });
      const { own } = optionsAt(output, "/mnt");
      assert.match(own, /\brw\b/);
      assert.doesNotMatch(own, /nosuid/);
    },
    differs: { crun: "crun adds both up" },
  },
];
