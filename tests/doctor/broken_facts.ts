import type { Facts, ProgramFacts } from "#tools/doctor/facts.ts";
import { endContainer, failedExec, healthyProgram } from "./healthy_facts.ts";

function failedProgram(part: Partial<ProgramFacts>) {
  return (facts: Facts) => {
    facts.execs = [failedExec({ program: { ...healthyProgram(), ...part } })];
  };
}

/** For each cause what of healthy facts is otherwise; those of other files join it there. */
export const BROKEN_FACTS: [string, (facts: Facts) => void][] = [
  [
    "port-taken",
    (f) => {
      endContainer(f, 128);
      Object.assign(f.docker!.inspect!, {
        status: "created",
        error: "Bind for 0.0.0.0:80 failed: port is already allocated",
        ports: [{ hostIp: "", hostPort: 80, protocol: "tcp" }],
      });
      f.docker!.portHolders = [{ port: 80, protocol: "tcp", pid: 9 }];
    },
  ],
  [
    "keeper-hung",
    (f) => {
      f.keeper = { pid: 103, state: "T" };
    },
  ],
  [
    "memcg-oom-app",
    (f) => {
      endContainer(f, 137);
      f.docker!.oomLog = ["oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/docker/c"];
    },
  ],
  [
    "dockerd-nofile",
    (f) => {
      f.docker!.descriptors = { open: 20, softLimit: 34 };
      f.execs = [failedExec({ logged: "failed to open stdout fifo: too many open files" })];
    },
  ],
  [
    "storage-hung",
    (f) => {
      const mount = { point: "/srv/data", type: "nfs4", source: "filer:/data", used: "/data" };
      f.silentMounts = [mount];
    },
  ],
  [
    "apparmor-missing",
    (f) => {
      f.security!.apparmorLoaded = ["/usr/sbin/ntpd"];
    },
  ],
  [
    "userns-max",
    (f) => {
      endContainer(f, 128);
      f.security = { wantsUserNamespace: true, maxUserNamespaces: 0 };
    },
  ],
  [
    "ttrpc-closed",
    (f) => {
      f.execs = [
        failedExec({ timeMs: 5000, logged: "Error running exec: ttrpc: closed: unknown" }),
      ];
      f.shim!.startedMs = 6000;
    },
  ],
  [
    "state-damaged",
    (f) => {
      f.runtime = { ...f.runtime!, stateExists: false, stateDamaged: true };
    },
  ],
  [
    "state-damaged",
    (f) => {
      f.runtime!.stateNames = 999;
    },
  ],
  [
    "bundle-missing",
    (f) => {
      f.runtime!.bundle = { path: "/run/bundle", exists: false };
    },
  ],
  [
    "app-stopped",
    (f) => {
      f.init!.state = "T";
    },
  ],
  ...(["docker", "containerd", "shim"] as const).map((link): [string, (facts: Facts) => void] => [
    "socket-gone",
    (f) => {
      Object.assign(f[link]!, { socketExists: false });
      f[link]!.answer = { ok: false, timedOut: false, latencyMs: 1, error: "ENOENT" };
    },
  ]),
  [
    "probe-pileup",
    (f) => {
      f.cgroup!.pids[0] = { folder: "/p", current: 13, max: 20, refused: 0 };
      for (let pid = 300; pid < 312; pid++) {
        f.cgroup!.processes.push({ pid, ppid: 102, comm: "curl", threads: 1, state: "S" });
      }
    },
  ],
  [
    "cgroup-ids",
    (f) => {
      f.host.memoryCgroups = 65_500;
    },
  ],
  [
    "pids-cgroup-full",
    (f) => {
      f.cgroup!.pids[0]!.current = 100;
    },
  ],
  [
    "pids-cgroup-full",
    (f) => f.cgroup!.pids.push({ folder: "/sys/fs/cgroup/pids", current: 9, max: 9, refused: 1 }),
  ],
  [
    "pids-app-fork",
    (f) => {
      f.cgroup!.pids[0] = { folder: "/p", current: 30, max: 30, refused: 4 };
      f.execs = [failedExec({ launched: true, exitCode: 2, argv: ["sh", "-c", "ls; true"] })];
    },
  ],
  ["shim-pids-full", (f) => f.shim!.pids.push({ folder: "/s", current: 5, max: 5, refused: 1 })],
  [
    "threads-max",
    (f) => {
      f.host.threads = f.host.threadsMax!;
    },
  ],
  [
    "pid-max",
    (f) => {
      f.host.threads = f.host.pidMax!;
    },
  ],
  [
    "rlimit-nproc",
    (f) => {
      f.init = { ...f.init!, uid: 4321, limitExempt: false, processLimit: 2, userTasks: 2 };
    },
  ],
  [
    "shim-nofile",
    (f) => {
      f.shim!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "dockerd-nofile",
    (f) => {
      f.docker!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "containerd-nofile",
    (f) => {
      f.containerd!.descriptors = { open: 20, softLimit: 20 };
    },
  ],
  [
    "memcg-oom-exec",
    (f) => {
      f.cgroup!.memory[0] = { ...f.cgroup!.memory[0]!, oomKills: 1, pinnedBytes: 63e6 };
      f.execs = [failedExec({ launched: true, exitCode: 137 })];
    },
  ],
  [
    "memcg-oom-app",
    (f) => {
      endContainer(f, 137);
      f.docker!.inspect!.oomKilled = true;
    },
  ],
  [
    "paused",
    (f) => {
      f.cgroup!.frozen = true;
    },
  ],
  ["not-running", (f) => endContainer(f, 0)],
  [
    "shim-killed",
    (f) => {
      endContainer(f, 137);
      f.ends = [{ action: "die", timeMs: 0, attributes: { exitCode: "255" } }];
    },
  ],
  [
    "shim-hung",
    (f) => {
      f.shim!.state = "T";
    },
  ],
  [
    "containerd-hung",
    (f) => {
      f.containerd!.state = "T";
    },
  ],
  [
    "dockerd-hung",
    (f) => {
      f.docker!.state = "t";
    },
  ],
  ["containerd-down", (f) => down(f.containerd!)],
  ["dockerd-down", (f) => down(f.docker!)],
  [
    "state-missing",
    (f) => {
      f.runtime!.stateExists = false;
    },
  ],
  ["cgroup-gone", (f) => f.cgroup!.missing.push("/sys/fs/cgroup/pids/c")],
  [
    "proc-unmounted",
    (f) => {
      f.init!.procMounted = false;
    },
  ],
  [
    "ptmx-missing",
    (f) => {
      f.init!.ptmxExists = false;
    },
  ],
  ["device-missing", (f) => f.init!.missingDevices.push("/dev/null")],
  [
    "runtime-missing",
    (f) => {
      f.runtime!.binaryExists = false;
    },
  ],
  [
    "runtime-dir-full",
    (f) => {
      f.shim!.temporary!.fill.blocksFree = 0;
    },
  ],
  [
    "runtime-dir-full",
    (f) => {
      f.shim!.temporary!.fill.inodesFree = 0;
    },
  ],
  [
    "bind-source-missing",
    (f) => {
      endContainer(f, 0);
      f.docker!.missingBinds = ["/srv/gone"];
    },
  ],
  [
    "health-timeout",
    (f) => {
      const inspect = f.docker!.inspect!;
      inspect.healthcheck = { test: ["CMD-SHELL", "sleep 9"], timeoutNs: 1e9 };
      inspect.healthLog = [{ exitCode: -1, output: "exceeded", start: "" }];
    },
  ],
  ["user-unknown", failedProgram({ userKnown: false, user: "nobody" })],
  ["cwd-missing", failedProgram({ cwd: "/no", cwdKind: "missing" })],
  ["bad-interpreter", failedProgram({ interpreter: { name: "/bin/no", exists: false } })],
  ["exec-format", failedProgram({ machine: { file: "arm64", host: "x86-64" } })],
  ["exec-not-executable", failedProgram({ found: { ...healthyProgram().found!, mode: 0o644 } })],
  [
    "exec-not-found",
    (f) => {
      const { found: _, ...program } = healthyProgram();
      f.execs = [failedExec({ program })];
    },
  ],
];

function down(daemon: NonNullable<Facts["containerd"]>): void {
  delete daemon.pid;
  delete daemon.state;
  daemon.listening = false;
  daemon.answer = { ok: false, latencyMs: 1, timedOut: false, error: "ECONNREFUSED" };
}
