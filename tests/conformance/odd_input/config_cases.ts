import assert from "node:assert/strict";
import { describeResult } from "../../lib/command.ts";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addMount } from "../harness/config_edits.ts";

type Edit = (config: RuntimeConfig) => void;

const inProcess = (fields: object): Edit => {
  return (config) => void Object.assign(config.process, fields);
};

const withHook = (moment: string, hook: object): Edit => {
  return (config) => void Object.assign(config, { hooks: { [moment]: [hook] } });
};

/** A configuration that has to be refused, with these words. */
function refused(
  name: string,
  edit: Edit,
  said: RegExp,
  differs?: ConformanceCase["differs"],
): ConformanceCase {
  return {
    name,
    async run(trial) {
      assert.match(await trial.refused({ edit }), said);
    },
    ...(differs ? { differs } : {}),
  };
}

const IDS = /uids and gids must be in range 0-2147483647/;
const CRUN_WORDS = { crun: "crun has other words, or takes it" };

export const CONFIG_CASES: ConformanceCase[] = [
  // To setuid(2) this one is "leave it": the program would be root.
  refused("a user that is minus one", inProcess({ user: { uid: 2 ** 32 - 1, gid: 1 } }), IDS, {
    ...CRUN_WORDS,
  }),
  refused("a group beyond the range", inProcess({ user: { uid: 1, gid: 2 ** 31 } }), IDS, {
    ...CRUN_WORDS,
  }),
  refused("an oom score beyond the range", inProcess({ oomScoreAdj: 2000 }), /oom_score_adj/),
  refused(
    "a capability that is effective but not permitted",
    inProcess({
      capabilities: { bounding: ["CAP_KILL"], permitted: [], effective: ["CAP_KILL"] },
    }),
    /unable to apply caps: operation not permitted/,
    CRUN_WORDS,
  ),
  refused(
    "a device whose number is a wildcard",
    (config) => {
      config.linux["devices"] = [{ path: "/dev/zz", type: "c", major: -1, minor: 3 }];
    },
    /cannot mkdev\(\) device with wildcards/,
    CRUN_WORDS,
  ),
  refused(
    "a hook whose path is relative",
    withHook("prestart", { path: "true" }),
    /hook #0/,
    CRUN_WORDS,
  ),
  refused(
    "a hook that may take no time",
    withHook("prestart", { path: "/bin/true", timeout: 0 }),
    /hook ran past specified timeout of 0\.0s/,
    CRUN_WORDS,
  ),
  {
    name: "hooks of kinds that there are not are passed over, whatever they hold",
    async run(trial) {
      const edit: Edit = (config) => {
        Object.assign(config, { hooks: { later: 1, poststarted: [{ path: "false" }] } });
      };
      assert.equal(await trial.run({ script: "echo ran", edit }), "ran");
    },
  },
  {
    name: "a startContainer hook that fails: nothing runs, the exit code is 1",
    async run(trial) {
      const edit = withHook("startContainer", { path: "/bin/false" });
      const result = await trial.tryRun({ script: "echo ran", edit });
      assert.equal(result.code, 1, describeResult(result));
      assert.doesNotMatch(result.stdout, /ran/);
      assert.match(result.stderr, /error running hook/);
    },
    differs: CRUN_WORDS,
  },
  {
    name: "an empty mount option is none",
    async run(trial) {
      const edit: Edit = (config) => {
        addMount(config, "/mnt", { type: "tmpfs", source: "tmpfs", options: ["", "nosuid"] });
      };
      assert.match(await trial.run({ script: "grep ' /mnt ' /proc/mounts", edit }), /nosuid/);
    },
  },
  {
    name: "a seccomp profile that refuses everything, the end of init included, hangs nobody",
    async run(trial) {
      for (const noNewPrivileges of [true, false]) {
        const edit: Edit = (config) => {
          config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ERRNO" };
          Object.assign(config.process, { noNewPrivileges });
        };
        const result = await trial.tryRun({ script: "echo ran", edit });
        assert.equal(result.timedOut, false, describeResult(result));
        assert.notEqual(result.code, 0);
        assert.equal(result.stdout, "");
      }
    },
    unjudged: { runc: "hangs or not, as its threads are timed", crun: "hangs" },
  },
  refused(
    "Intel RDT where it is not enabled",
    (config) => Object.assign(config.linux, { intelRdt: { l3CacheSchema: "L3:0=f" } }),
    /intelRdt\.l3CacheSchema is specified in config, but Intel RDT\/CAT is not enabled/,
    { crun: "crun 1.8 ignores it" },
  ),
  refused(
    "Intel RDT's bandwidth where it is not enabled",
    (config) => Object.assign(config.linux, { intelRdt: { memBwSchema: "MB:0=20" } }),
    /intelRdt\.memBwSchema is specified in config, but Intel RDT\/MBA is not enabled/,
    { crun: "crun 1.8 ignores it" },
  ),
  refused(
    "a class of Intel RDT where it is not enabled",
    (config) => Object.assign(config.linux, { intelRdt: { closID: "gold" } }),
    /intelRdt is specified in config, but Intel RDT is not enabled/,
    { runc: "refused since runc 1.4; before, it is passed over", crun: "crun 1.8 ignores it" },
  ),
  refused(
    "names that are no classes of Intel RDT",
    (config) => Object.assign(config.linux, { intelRdt: { closID: "../x" } }),
    /invalid intelRdt\.ClosID/,
    { crun: "crun 1.8 ignores it" },
  ),
];
