import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import { type ConformanceCase, type Feature, NEWER } from "../harness/case_types.ts";
import { allowAll } from "../harness/config_edits.ts";

const edit = (process: Record<string, unknown>) => (config: RuntimeConfig) => {
  Object.assign(config.process, process);
};

const LIMITS: [type: string, number: number, soft: number, hard: number][] = [
  ["RLIMIT_CPU", 0, 1000, 2000],
  ["RLIMIT_FSIZE", 1, 100000, 200000],
  ["RLIMIT_DATA", 2, 900000000, 1000000000],
  ["RLIMIT_STACK", 3, 1048576, 2097152],
  ["RLIMIT_CORE", 4, 0, 0],
  ["RLIMIT_NPROC", 6, 500, 600],
  ["RLIMIT_NOFILE", 7, 100, 200],
  ["RLIMIT_MEMLOCK", 8, 4096, 8192],
  ["RLIMIT_AS", 9, 900000000, 1000000000],
  ["RLIMIT_SIGPENDING", 11, 10, 20],
  ["RLIMIT_MSGQUEUE", 12, 10000, 20000],
];

const identity: ConformanceCase[] = [
  {
    name: "user, group, supplementary groups",
    async run(trial) {
      const user = { uid: 1000, gid: 1001, additionalGids: [10, 20] };
      const output = await trial.run({ script: "id -u; id -g; id -G", edit: edit({ user }) });
      assert.equal(output, "1000\n1001\n1001 10 20");
    },
  },
  {
    name: "umask",
    async run(trial) {
      const user = { uid: 0, gid: 0, umask: 0o027 };
      assert.equal(await trial.run({ script: "umask", edit: edit({ user }) }), "0027");
    },
  },
  {
    name: "umask when none is given",
    async run(trial) {
      assert.equal(await trial.run({ script: "umask" }), "0022");
    },
  },
  {
    name: "arguments and environment as given, empty ones too",
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "args", "", "two words", "ü\n"],
        edit: edit({ env: ["PATH=/bin", "A=1", "B=", "C=x=y"] }),
      });
      assert.equal(output, "[]\n[two words]\n[ü\n]");
      const env = await trial.run({
        args: ["env"],
        edit: edit({ env: ["PATH=/bin", "A=1", "B=", "C=x=y", "HOME=/h"] }),
      });
      assert.deepEqual(env.split("\n").sort(), ["A=1", "B=", "C=x=y", "HOME=/h", "PATH=/bin"]);
    },
  },
  {
    name: "HOME comes from the container's passwd",
    async run(trial) {
      const output = await trial.run({ script: "echo $HOME" });
      assert.equal(output, "/root");
    },
  },
  {
    name: "the working directory is made when it is not there",
    async run(trial) {
      const output = await trial.run({
        script: "pwd",
        ownRoot: true,
        edit: edit({ cwd: "/some/new/folder" }),
      });
      assert.equal(output, "/some/new/folder");
    },
  },
  {
    name: "a program is found by the container's PATH",
    async run(trial) {
      const output = await trial.run({ args: ["ls", "/bin/busybox"] });
      assert.equal(output, "/bin/busybox");
    },
  },
  {
    name: "a missing program is told as such",
    async run(trial) {
      const result = await trial.tryRun({ args: ["no-such-program"] });
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /no-such-program.*not found/s);
    },
  },
  {
    name: "signals are neither ignored nor blocked",
    async run(trial) {
      const output = await trial.run({ args: ["probe", "signals"] });
      for (const line of output.split("\n")) assert.match(line, /0{16}$/);
    },
  },
  {
    name: "the program leads a session of its own",
    async run(trial) {
      const output = await trial.run({ script: "cut -d' ' -f5,6 /proc/self/stat" });
      assert.match(output, /^1 1$/);
    },
  },
];

const limits = LIMITS.map(
  ([type, number, soft, hard]): ConformanceCase => ({
    name: `limit ${type}`,
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "limits"],
        edit: edit({ rlimits: [{ type, soft, hard }] }),
      });
      assert.match(output, new RegExp(`^${number} ${soft} ${hard}$`, "m"));
    },
  }),
);

const scheduling: ConformanceCase[] = [
  {
    name: "an unknown limit is refused by its name",
    async run(trial) {
      const rlimits = [{ type: "RLIMIT_NONSENSE", soft: 1, hard: 1 }];
      assert.match(await trial.refused({ edit: edit({ rlimits }) }), /NONSENSE/);
    },
  },
  {
    name: "oom_score_adj",
    async run(trial) {
      const output = await trial.run({
        script: "cat /proc/self/oom_score_adj",
        edit: edit({ oomScoreAdj: 321 }),
      });
      assert.equal(output, "321");
    },
  },
  {
    name: "an exec has the container's oom_score_adj",
    async run(trial) {
      const container = await trial.start({ edit: edit({ oomScoreAdj: 321 }) });
      assert.equal(await container.exec(["cat", "/proc/self/oom_score_adj"]), "321");
    },
    differs: { crun: "crun takes it from a process.json only" },
  },
  {
    name: "I/O priority",
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "io"],
        edit: edit({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 } }),
      });
      assert.equal(output, "0x4003");
    },
    differs: { runc: NEWER, crun: "crun has it since 1.8.4" },
  },
  {
    name: "scheduler: policy and nice",
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "policy"],
        edit: edit({ scheduler: { policy: "SCHED_BATCH", nice: 5 } }),
      });
      assert.equal(output, "3 5");
    },
    differs: { runc: NEWER, crun: "crun has it since 1.9" },
  },
  {
    name: "scheduler: an unknown policy is refused",
    async run(trial) {
      await trial.refused({ edit: edit({ scheduler: { policy: "SCHED_NONSENSE" } }) });
    },
    differs: { runc: NEWER, crun: "crun has it since 1.9" },
  },
  {
    name: "personality LINUX32",
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "personality"],
        edit: (config) => Object.assign(config.linux, { personality: { domain: "LINUX32" } }),
      });
      assert.equal(output, "0x8");
    },
    differs: { runc: NEWER },
  },
  {
    name: "personality: another domain is refused",
    async run(trial) {
      await trial.refused({
        edit: (config) => Object.assign(config.linux, { personality: { domain: "MINIX" } }),
      });
    },
    differs: { runc: NEWER },
  },
  {
    name: "memory policy",
    async run(trial) {
      const output = await trial.run({
        script: "cut -d' ' -f2 /proc/self/numa_maps | sort -u",
        edit: (config) =>
          Object.assign(config.linux, { memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } }),
      });
      assert.match(output, /^bind:0$/m);
    },
    skip: () => (existsSync("/proc/self/numa_maps") ? undefined : "a kernel without NUMA"),
    differs: { runc: "came with runc 1.4", crun: "crun has it since 1.24" },
  },
  {
    name: "memory policy of an exec: the container's",
    async run(trial) {
      const memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
      const edit = (config: RuntimeConfig) => Object.assign(config.linux, { memoryPolicy });
      const container = await trial.start({ edit });
      const output = await container.exec(["cat", "/proc/self/numa_maps"]);
      assert.match(output, /^\S+ bind[^ ]*:0 /m);
      assert.doesNotMatch(output, /^\S+ default /m);
    },
    skip: () => (existsSync("/proc/self/numa_maps") ? undefined : "a kernel without NUMA"),
    differs: { runc: "came with runc 1.4", crun: "crun has it since 1.24" },
  },
  {
    name: "a memory policy that is none is refused",
    async run(trial) {
      for (const [memoryPolicy, words] of [
        [{ mode: "MPOL_NONSENSE" }, /invalid memory policy mode \S*MPOL_NONSENSE/],
        [{ mode: "MPOL_BIND", nodes: "x" }, /invalid memory policy nodes \S*x\b/],
        [{ mode: "MPOL_BIND", nodes: "0", flags: ["F"] }, /invalid memory policy flag \S*F\b/],
        [{ mode: "MPOL_BIND" }, /memory policy mode requires at least one node but got 0/],
        [{ mode: "MPOL_LOCAL", nodes: "0" }, /memory policy mode requires 0 nodes but got 1/],
      ] as const) {
        const edit = (config: RuntimeConfig) => Object.assign(config.linux, { memoryPolicy });
        assert.match(await trial.refused({ edit }), words);
      }
    },
    differs: { runc: "came with runc 1.4", crun: "crun has it since 1.24" },
  },
  {
    name: "CPU affinity of an exec",
    async run(trial) {
      const container = await trial.start({ edit: allowAll });
      const { process } = container.config();
      const result = await container.execFile({
        ...process,
        args: ["grep", "Cpus_allowed_list", "/proc/self/status"],
        execCPUAffinity: { initial: "0", final: "0" },
      });
      assert.match(result.stdout, /\s0$/m);
    },
    differs: { runc: NEWER, crun: "crun has it since 1.15" },
    skip: () => (navigator.hardwareConcurrency < 2 ? "one processor" : undefined),
  },
];

export const processTraits: Feature = {
  name: "process",
  cases: [...identity, ...limits, ...scheduling],
};
