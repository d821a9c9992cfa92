import assert from "node:assert/strict";
import { mustRun } from "../../lib/command.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addBind } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";

/** Optional fields (shared:N, master:N, …) of the mount at a path. */
function fieldsAt(mountinfo: string, path: string): string {
  const line = mountinfo.split("\n").findLast((one) => one.split(" ")[4] === path);
  assert.ok(line, `${path} is not mounted:\n${mountinfo}`);
  return line.slice(0, line.indexOf(" - ")).split(" ").slice(6).join(" ");
}

/** A mount of the host that is shared with its peers. */
async function sharedSource(trial: Trial): Promise<string> {
  const source = trial.folder("shared");
  await mustRun(["mount", "-t", "tmpfs", "tmpfs", source]);
  await mustRun(["mount", "--make-shared", source]);
  trial.onClose(async () => {
    await mustRun(["umount", "-l", source]);
  });
  return source;
}

const OF_BIND: [option: string, has: RegExp, hasNot: RegExp | undefined][] = [
  ["rprivate", /^$/, undefined],
  ["private", /^$/, undefined],
  ["rslave", /master:\d+/, /shared/],
  ["slave", /master:\d+/, /shared/],
  ["rshared", /shared:\d+/, undefined],
  ["shared", /shared:\d+/, undefined],
  ["unbindable", /unbindable/, undefined],
  ["runbindable", /unbindable/, undefined],
];

const OF_ROOT: [value: string, has: RegExp][] = [
  ["private", /^$/],
  ["rprivate", /^$/],
  ["slave", /^(master:\d+)?$/],
  ["rslave", /^(master:\d+)?$/],
  ["shared", /shared:\d+/],
  ["rshared", /shared:\d+/],
  ["unbindable", /unbindable/],
];

const CRUN_PRIVATE = "crun makes every mount private unless rootfsPropagation says otherwise";
const RUNC_ROOT = "runc 1.1 applies it to the mounts below which the root lies, not to the root";

const ofBind = OF_BIND.map(
  ([option, has, hasNot]): ConformanceCase => ({
    name: `propagation of a bind: ${option}`,
    async run(trial) {
      const source = await sharedSource(trial);
      const output = await trial.run({
        script: "cat /proc/self/mountinfo",
        ownRoot: true,
        edit(config) {
          addBind(config, "/mnt", { source, options: ["rbind", option] });
          if (option.includes("shared")) config.linux["rootfsPropagation"] = "shared";
        },
      });
      const fields = fieldsAt(output, "/mnt");
      assert.match(fields, has);
      if (hasNot) assert.doesNotMatch(fields, hasNot);
    },
    ...(/slave|unbindable/.test(option) ? { differs: { crun: CRUN_PRIVATE } } : {}),
  }),
);

const ofRoot = OF_ROOT.map(
  ([value, has]): ConformanceCase => ({
    name: `propagation of the root: ${value}`,
    async run(trial) {
      const output = await trial.run({
        script: "cat /proc/self/mountinfo",
        edit: (config) => Object.assign(config.linux, { rootfsPropagation: value }),
      });
      assert.match(fieldsAt(output, "/"), has);
    },
    ...(/shared|unbindable/.test(value) ? { differs: { runc: RUNC_ROOT } } : {}),
  }),
);

export const propagationCases: ConformanceCase[] = [
  ...ofBind,
  ...ofRoot,
  {
    name: "propagation of the root: another word is refused",
    async run(trial) {
      await trial.refused({
        edit: (config) => Object.assign(config.linux, { rootfsPropagation: "sideways" }),
      });
    },
    differs: { crun: "crun ignores what it does not know" },
  },
  {
    name: "a mount of the host arrives in a slave, later",
    async run(trial) {
      const source = await sharedSource(trial);
      const container = await trial.start({
        ownRoot: true,
        edit: (config) => addBind(config, "/mnt", { source, options: ["rbind", "rslave"] }),
      });
      await mustRun(["mkdir", `${source}/late`]);
      await mustRun(["mount", "-t", "tmpfs", "tmpfs", `${source}/late`]);
      trial.onClose(async () => {
        await mustRun(["umount", "-l", `${source}/late`]);
      });
      assert.match(await container.exec(["cat", "/proc/self/mountinfo"]), / \/mnt\/late /);
    },
    differs: { crun: CRUN_PRIVATE },
  },
];
