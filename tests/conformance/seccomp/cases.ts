import assert from "node:assert/strict";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase, Feature } from "../harness/case_types.ts";
import { notifyCases } from "./notify_cases.ts";

const profile = (value: object) => (config: RuntimeConfig) => {
  config.linux["seccomp"] = value;
};

const rule = (names: string[], action: string, rest: object = {}) => ({ names, action, ...rest });

const allowing = (...syscalls: object[]) => ({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64"],
  syscalls,
});

const NR_GETCWD = "79";
const NR_PERSONALITY = "135";
const NR_UNKNOWN = "5000";

/** Enough for a small program; what is newer than the highest of them is unknown to the profile. */
const NAMES = [
  ...["read", "write", "open", "openat", "close", "execve", "exit", "exit_group", "brk", "mmap"],
  ...["munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "fstat"],
  ...["newfstatat", "readlink", "readlinkat", "prlimit64", "getrandom", "ioctl", "futex", "getpid"],
  ...["rt_sigaction", "rt_sigprocmask", "getuid", "geteuid", "prctl", "setuid", "writev", "chdir"],
  ...["setgid", "setgroups", "capset", "fcntl", "getcwd", "seccomp", "fchdir", "pidfd_open"],
  ...["faccessat2", "fstatfs", "statfs", "getdents64", "close_range", "clone", "clone3", "wait4"],
  ...["gettid", "tgkill", "sigaltstack", "epoll_pwait", "nanosleep", "madvise", "lseek", "stat"],
  // What Go's runtime in genuine runc's init needs on an emulated machine, which is slow: it
  // interrupts its own threads, and the clock there is not read without a call.
  ...["rt_sigreturn", "sched_yield", "clock_gettime"],
];

const CASES: ConformanceCase[] = [
  {
    name: "an errno",
    async run(trial) {
      const edit = profile(allowing(rule(["personality"], "SCMP_ACT_ERRNO", { errnoRet: 29 })));
      assert.equal(await trial.run({ args: ["probe", "call", NR_PERSONALITY], edit }), "-1 ESPIPE");
    },
  },
  {
    name: "EPERM unless said otherwise",
    async run(trial) {
      const edit = profile(allowing(rule(["personality"], "SCMP_ACT_ERRNO")));
      assert.equal(await trial.run({ args: ["probe", "call", NR_PERSONALITY], edit }), "-1 EPERM");
    },
  },
  {
    name: "arguments",
    async run(trial) {
      const args = [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }];
      const edit = profile(
        allowing(rule(["personality"], "SCMP_ACT_ERRNO", { args, errnoRet: 5 })),
      );
      const container = await trial.start({ edit });
      const other = await container.exec(["probe", "call", NR_PERSONALITY, "0xffffffff"]);
      assert.equal(other, "0 OK");
      assert.equal(await container.exec(["probe", "call", NR_PERSONALITY, "8"]), "-1 EIO");
    },
  },
  {
    name: "a masked argument",
    async run(trial) {
      const args = [{ index: 0, value: 0xf, valueTwo: 8, op: "SCMP_CMP_MASKED_EQ" }];
      const edit = profile(
        allowing(rule(["personality"], "SCMP_ACT_ERRNO", { args, errnoRet: 5 })),
      );
      const container = await trial.start({ edit });
      assert.equal(await container.exec(["probe", "call", NR_PERSONALITY, "0x18"]), "-1 EIO");
      assert.equal(await container.exec(["probe", "call", NR_PERSONALITY, "0xffffffff"]), "0 OK");
    },
  },
  {
    name: "killing",
    async run(trial) {
      const edit = profile(allowing(rule(["personality"], "SCMP_ACT_KILL_PROCESS")));
      const result = await trial.tryRun({ args: ["probe", "call", NR_PERSONALITY], edit });
      assert.equal(result.code, 128 + 31);
    },
  },
  {
    name: "calls that the profile could not know answer ENOSYS",
    async run(trial) {
      const edit = profile({
        ...{ defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"] },
        syscalls: [rule(NAMES, "SCMP_ACT_ALLOW")],
      });
      assert.equal(await trial.run({ args: ["probe", "call", NR_UNKNOWN], edit }), "-1 ENOSYS");
    },
    differs: { crun: "crun answers EPERM" },
  },
  {
    name: "a name that the library does not know is no failure",
    async run(trial) {
      const edit = profile(allowing(rule(["no_such_call", "personality"], "SCMP_ACT_ERRNO")));
      assert.equal(await trial.run({ args: ["probe", "call", NR_PERSONALITY], edit }), "-1 EPERM");
    },
  },
  {
    name: "an unknown action is refused",
    async run(trial) {
      const edit = profile(allowing(rule(["personality"], "SCMP_ACT_NONSENSE")));
      await trial.refused({ args: ["true"], edit });
    },
  },
  {
    name: "an exec has the filter too",
    async run(trial) {
      const edit = profile(allowing(rule(["getcwd"], "SCMP_ACT_ERRNO", { errnoRet: 5 })));
      const container = await trial.start({ edit });
      assert.match(await container.exec(["grep", "Seccomp:", "/proc/self/status"]), /2$/);
      assert.equal(await container.exec(["probe", "call", NR_GETCWD, "0", "0"]), "-1 EIO");
    },
  },
  {
    name: "without no_new_privs",
    async run(trial) {
      const output = await trial.run({
        args: ["probe", "call", NR_PERSONALITY],
        edit(config) {
          config.process["noNewPrivileges"] = false;
          profile(allowing(rule(["personality"], "SCMP_ACT_ERRNO", { errnoRet: 29 })))(config);
        },
      });
      assert.equal(output, "-1 ESPIPE");
    },
  },
  {
    name: "flags",
    async run(trial) {
      const flags = ["SECCOMP_FILTER_FLAG_LOG"];
      const edit = profile({ ...allowing(rule(["personality"], "SCMP_ACT_ERRNO")), flags });
      assert.equal(await trial.run({ args: ["probe", "call", NR_PERSONALITY], edit }), "-1 EPERM");
    },
    differs: { runc: "runc 1.1.5 knows no flags" },
  },
];

export const seccomp: Feature = { name: "seccomp", cases: [...CASES, ...notifyCases] };
