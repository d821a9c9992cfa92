import type {
  DaemonFacts,
  DockerInspect,
  ExecFacts,
  Facts,
  ProgramFacts,
} from "#tools/doctor/facts.ts";
import { judgeFacts } from "#tools/doctor/judge.ts";

/** Evidence of a container in which nothing is wrong: what tests of rules start from. */
export function healthyFacts(): Facts {
  return {
    id: "c".repeat(64),
    name: "web",
    namespace: "moby",
    nowMs: Date.parse("2026-01-01T00:00:00Z"),
    host: { threads: 400, threadsMax: 190_000, pidMax: 32_768, processors: 2, unreadable: [] },
    docker: { ...healthyDaemon(100), inspect: healthyInspect(), missingBinds: [] },
    containerd: healthyDaemon(101),
    shim: {
      ...healthyDaemon(102),
      bundle: "/run/bundle",
      temporary: { path: "/tmp", fill: roomyFill() },
    },
    runtime: {
      name: "runc",
      binary: "/usr/sbin/runc",
      binaryExists: true,
      root: "/run/runc/moby",
      stateFile: "/run/runc/moby/c/state.json",
      stateExists: true,
      initPid: 200,
      cgroupPaths: new Map([["pids", "/sys/fs/cgroup/pids/c"]]),
    },
    init: {
      pid: 200,
      alive: true,
      state: "S",
      uid: 0,
      limitExempt: true,
      mountsSeen: true,
      procMounted: true,
      ptmxExists: true,
      devptsMounted: true,
      missingDevices: [],
      rootReadonly: false,
      writable: [],
      rootfs: "/proc/200/root",
    },
    cgroup: {
      pids: [{ folder: "/sys/fs/cgroup/pids/c", current: 2, max: 100, refused: 0 }],
      memory: [
        {
          folder: "/sys/fs/cgroup/memory/c",
          usageBytes: 5e6,
          limitBytes: 64e6,
          pinnedBytes: 2e6,
          shmemBytes: 0,
          oomKills: 0,
          failures: 0,
        },
      ],
      frozen: false,
      freezerFile: "/sys/fs/cgroup/freezer/c/freezer.state",
      missing: [],
      moved: [],
      processes: [{ pid: 200, ppid: 102, comm: "sleep", threads: 1, state: "S" }],
    },
    security: {
      apparmorProfile: "docker-default",
      apparmorLoaded: ["docker-default", "/usr/sbin/ntpd"],
      wantsUserNamespace: false,
      maxUserNamespaces: 15_000,
    },
    execs: [],
    ends: [],
    probes: [],
  };
}

function roomyFill() {
  return { blocks: 1000, blocksFree: 900, blockSize: 4096, inodes: 1000, inodesFree: 900 };
}

function healthyDaemon(pid: number): DaemonFacts {
  return {
    pid,
    state: "S",
    socket: `/run/${pid}.sock`,
    socketExists: true,
    listening: true,
    descriptors: { open: 20, softLimit: 1024 },
    answer: { ok: true, latencyMs: 2, timedOut: false },
    pids: [],
  };
}

function healthyInspect(): DockerInspect {
  return {
    id: "c".repeat(64),
    name: "web",
    status: "running",
    running: true,
    paused: false,
    oomKilled: false,
    exitCode: 0,
    error: "",
    pid: 200,
    startedAt: "2026-01-01T00:00:00Z",
    finishedAt: "0001-01-01T00:00:00Z",
    path: "sleep",
    args: ["1000"],
    entrypoint: [],
    env: [],
    user: "",
    workingDir: "",
    image: "busybox",
    runtime: "runc",
    binds: [],
    ports: [],
    lowerDirs: [],
    readonlyRootfs: false,
    healthLog: [],
    restartPolicy: "no",
    memoryLimit: 0,
    securityOptions: [],
    apparmorProfile: "docker-default",
  };
}

/** A program that is there and can be executed. */
export function healthyProgram(): ProgramFacts {
  return {
    argv: ["/bin/tool"],
    user: "",
    tty: false,
    rootfs: "/proc/200/root",
    searched: ["/bin/tool"],
    found: {
      path: "/bin/tool",
      mode: 0o755,
      isFolder: false,
      size: 100,
      head: Buffer.from("\x7fELF", "latin1"),
    },
    machine: { file: "x86-64", host: "x86-64" },
    userKnown: true,
    cwdKind: "not-asked",
  };
}

/** An exec that was refused before its program ran. */
export function failedExec(part: Partial<ExecFacts>): ExecFacts {
  return {
    id: "e1",
    timeMs: 0,
    argv: ["true"],
    user: "",
    tty: false,
    exitCode: 126,
    launched: false,
    running: false,
    ...part,
  };
}

/** What happens to a container that ended. */
export function endContainer(facts: Facts, exitCode: number): void {
  facts.init = { ...facts.init!, alive: false };
  facts.shim = { ...facts.shim!, socketExists: false, listening: false, pids: [] };
  delete facts.shim.pid;
  delete facts.shim.bundle;
  facts.docker!.inspect = {
    ...facts.docker!.inspect!,
    running: false,
    status: "exited",
    exitCode,
    finishedAt: "2026-01-01T00:00:10.200Z",
  };
}

/** The cause that is named for healthy evidence with one thing changed. */
export function causeOf(change: (facts: Facts) => void): string | undefined {
  const facts = healthyFacts();
  change(facts);
  return judgeFacts(facts).proved[0]?.rule.id;
}
