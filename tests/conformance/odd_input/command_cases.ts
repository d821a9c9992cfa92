import assert from "node:assert/strict";
import { describeResult } from "../../lib/command.ts";
import type { ConformanceCase } from "../harness/case_types.ts";

const WORDS = "crun has other words";

/** Arguments after the container's name, and what a runtime has to say to them. */
type Refusal = [verb: string, args: string[], said: RegExp];

/** Runs commands on a running container that all have to be refused. */
function refusals(name: string, list: Refusal[]): ConformanceCase {
  return {
    name,
    async run(trial) {
      const container = await trial.start();
      for (const [verb, args, said] of list) {
        const result = await container.call(verb, ...args);
        assert.notEqual(result.code, 0, describeResult(result));
        assert.match(result.stdout + result.stderr, said, describeResult(result));
      }
    },
    differs: { crun: WORDS },
  };
}

export const COMMAND_CASES: ConformanceCase[] = [
  refusals("signals that are none", [
    ["kill", ["NOSUCH"], /unknown signal/],
    ["kill", ["99"], /unable to signal init: invalid argument/],
    ["kill", ["-9"], /unable to signal init: invalid argument/],
  ]),
  refusals("flags of update that are no numbers", [
    ["update", ["--cpu-share", "x"], /invalid value for cpu-share: strconv.ParseUint: parsing/],
    ["update", ["--cpu-share", "-1"], /invalid value for cpu-share: strconv.ParseUint: parsing/],
    ["update", ["--cpu-quota", "x"], /invalid value for cpu-quota: strconv.ParseInt: parsing/],
    ["update", ["--kernel-memory", "x"], /invalid value for kernel-memory: invalid size: 'x'/],
    ["update", ["--pids-limit", "x"], /invalid value \S*"x\S* for flag -pids-limit/],
  ]),
  refusals("intervals of events that are none", [
    ["events", ["--interval", "x"], /invalid value \S*"x\S* for flag -interval: parse error/],
    ["events", ["--interval", "0"], /duration interval must be greater than 0/],
    ["events", ["--interval", "-1s"], /duration interval must be greater than 0/],
  ]),
  {
    name: "users of an exec that are none",
    async run(trial) {
      const container = await trial.start();
      for (const [user, said] of [
        ["abc", /parsing abc as int for uid failed: strconv.Atoi/],
        ["1:abc", /parsing abc as int for gid failed: strconv.Atoi/],
        ["1:2:3", /parsing 2:3 as int for gid failed: strconv.Atoi/],
        ["-1", /unable to setup user: uids and gids must be in range 0-2147483647/],
        ["4294967295", /unable to setup user: uids and gids must be in range 0-2147483647/],
      ] as const) {
        const result = await container.tryExec(["true"], ["--user", user]);
        assert.equal(result.code, 255, describeResult(result));
        assert.match(result.stderr, said);
      }
    },
    differs: { crun: WORDS },
  },
  {
    name: "a negative number of descriptors is none",
    async run(trial) {
      const container = await trial.start();
      assert.equal(await container.exec(["echo", "ran"], ["--preserve-fds", "-1"]), "ran");
    },
  },
  {
    name: "an exec with a label of SELinux is refused where that is off",
    async run(trial) {
      const container = await trial.start();
      const { process } = container.config();
      const wish = { ...process, args: ["true"], selinuxLabel: "a:b:c" };
      const result = await container.execFile(wish);
      assert.equal(result.code, 255, describeResult(result));
      assert.match(result.stderr, /selinux is disabled or not supported/);
    },
    skip: () => (Bun.file("/sys/fs/selinux/enforce").size > 0 ? "SELinux is on" : undefined),
    differs: { crun: "crun ignores it" },
  },
  {
    name: "a bundle that is no folder",
    async run(trial) {
      for (const verb of ["run", "create"]) {
        const result = await trial.call([verb, "--bundle", "/no/such", `${trial.tag}-none`]);
        assert.equal(result.code, 1);
        assert.match(result.stderr, /chdir \S*\/no\/such\S*: no such file or directory/i);
      }
    },
    differs: { crun: WORDS },
  },
];
