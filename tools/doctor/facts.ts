import type { DockerEvent } from "./evidence/collect_docker.ts";
import type { MemoryLevel, PidsLevel } from "./host/cgroup_counters.ts";
import type { FileSystemFill } from "./host/host_files.ts";
import type { PortHolder } from "./host/listening_ports.ts";

/** The links that the doctor draws, outermost first. */
export const CHAIN_LINKS = ["cri", "dockerd", "containerd", "shim", "runc", "container"] as const;
export type ChainLink = (typeof CHAIN_LINKS)[number];

/** An answer of a daemon to a question that cannot harm it. */
export interface Answer {
  ok: boolean;
  latencyMs: number;
  timedOut: boolean;
  /** We may not ask: that says nothing of the daemon. */
  denied?: boolean;
  /** Why not, when it is not ok. */
  error?: string;
}

/** How many descriptors a process has open, and how many it may have. */
export interface DescriptorUse {
  open: number;
  softLimit: number;
}

/** What /proc and the sockets tell of a daemon or a shim. */
export interface DaemonFacts {
  pid?: number;
  /** Process state letter of /proc/PID/stat. */
  state?: string;
  /** The kernel function it sleeps in, where it is readable. */
  waitChannel?: string;
  socket?: string;
  socketExists: boolean;
  listening: boolean;
  descriptors?: DescriptorUse;
  answer?: Answer;
  /** Levels of its own pids cgroup, innermost first. */
  pids: PidsLevel[];
  /** The end of its log, where its standard error is a file. */
  log?: { path: string; lines: string[] };
}

export interface DockerFacts extends DaemonFacts {
  dataRoot?: string;
  inspect?: DockerInspect;
  /** Bind sources of the container that are not on the host. */
  missingBinds?: string[];
  /** Who listens on the ports of a container that does not run. */
  portHolders?: PortHolder[];
  /** Executables of the runtimes that this daemon knows, by name. */
  runtimes?: Map<string, string>;
  /** What the kernel logged of memory kills in a container that ended by SIGKILL. */
  oomLog?: string[];
  /** What it still remembers of all its containers. */
  events?: readonly DockerEvent[];
}

/** The parts of GET /containers/ID/json that rules read. */
export interface DockerInspect {
  id: string;
  name: string;
  status: string;
  running: boolean;
  paused: boolean;
  oomKilled: boolean;
  exitCode: number;
  error: string;
  pid: number;
  startedAt: string;
  finishedAt: string;
  path: string;
  args: string[];
  entrypoint: string[];
  env: string[];
  user: string;
  workingDir: string;
  image: string;
  runtime: string;
  binds: { source: string; target: string }[];
  ports: { hostIp: string; hostPort: number; protocol: string }[];
  lowerDirs: string[];
  upperDir?: string;
  readonlyRootfs: boolean;
  healthcheck?: { test: string[]; timeoutNs: number };
  healthLog: { exitCode: number; output: string; start: string }[];
  restartPolicy: string;
  /** Bytes; 0 for none. */
  memoryLimit: number;
  securityOptions: string[];
  apparmorProfile: string;
}

/** A link's shim, with what only shims have. */
export interface ShimFacts extends DaemonFacts {
  bundle?: string;
  binary?: string;
  /** When it began, in milliseconds since 1970. */
  startedMs?: number;
  /** Where this shim lets the runtime write temporary files. */
  temporary?: { path: string; fill: FileSystemFill };
}

export interface RuntimeFacts {
  name?: string;
  /** Absolute path of the executable. */
  binary?: string;
  binaryExists: boolean;
  /** The runtime's `--root`, namespace included. */
  root?: string;
  stateFile?: string;
  /** The state file is there and is one. */
  stateExists: boolean;
  /** It is there and cannot be understood. */
  stateDamaged?: boolean;
  /** It names a first process that is not there, while another one of the container is alive. */
  stateNames?: number;
  /** The bundle that the runtime noted, which it needs again for an exec. */
  bundle?: { path: string; exists: boolean };
  /** Of state.json. */
  initPid?: number;
  initStartTicks?: number;
  cgroupPaths: Map<string, string>;
}

export interface InitFacts {
  pid: number;
  alive: boolean;
  state?: string;
  uid?: number;
  /** 0 none, 1 strict, 2 filter. */
  seccompMode?: number;
  /** Soft limit of processes for its user. */
  processLimit?: number;
  /** Threads of that user on the host. */
  userTasks?: number;
  /** CAP_SYS_RESOURCE or CAP_SYS_ADMIN lift RLIMIT_NPROC. */
  limitExempt: boolean;
  /** Its mounts and root folder could be looked at; without, the fields below say nothing. */
  mountsSeen: boolean;
  procMounted: boolean;
  ptmxExists: boolean;
  devptsMounted: boolean;
  /** Devices that every runtime makes or expects and that are gone. */
  missingDevices: string[];
  rootReadonly: boolean;
  /** Mount points inside that may be written. */
  writable: string[];
  /** Absolute path by which the host reaches its rootfs. */
  rootfs: string;
}

export interface CgroupFacts {
  pids: PidsLevel[];
  memory: MemoryLevel[];
  frozen: boolean | undefined;
  freezerFile?: string;
  /** Folders named by state.json that are not there. */
  missing: string[];
  /** Where init really is, when that is not where state.json says. */
  moved: { controller: string; expected: string; actual: string }[];
  processes: { pid: number; ppid: number; comm: string; threads: number; state: string }[];
}

/** What a container asks of the kernel's security, and what the kernel holds. */
export interface SecurityFacts {
  /** Of its specification. */
  apparmorProfile?: string;
  /** Profiles that the kernel holds; absent without AppArmor, or where we may not look. */
  apparmorLoaded?: string[];
  /** Unknown where no specification could be read. */
  wantsUserNamespace?: boolean;
  maxUserNamespaces?: number;
}

/** One program that somebody wanted to run in the container. */
export interface ProgramFacts {
  argv: string[];
  user: string;
  cwd?: string;
  tty: boolean;
  /** Where it was looked up. */
  rootfs: string;
  searched: string[];
  found?: { path: string; mode: number; isFolder: boolean; size: number; head: Buffer };
  /** The interpreter that the file names (#! or PT_INTERP). */
  interpreter?: { name: string; exists: boolean };
  machine?: { file: string; host: string };
  userKnown: boolean;
  cwdKind: "folder" | "missing" | "other" | "not-asked";
}

/** One `docker exec` that dockerd remembers, newest last. */
export interface ExecFacts {
  id: string;
  timeMs: number;
  argv: string[];
  user: string;
  tty: boolean;
  exitCode: number | undefined;
  /** Whether the program itself ran: dockerd then tells of its end. */
  launched: boolean;
  running: boolean;
  /** What the daemon's log says of it. */
  logged?: string;
  program?: ProgramFacts;
}

export interface ProbeFacts {
  link: ChainLink;
  attempts: {
    ok: boolean;
    latencyMs: number;
    timedOut: boolean;
    text: string;
    exitCode?: number;
    /** The link does not know this container: it is not of its world. */
    unknown?: boolean;
  }[];
  /** pids refusals and OOM kills counted over the probe. */
  pidsRefused: number;
  oomKills: number;
  /** What a program that does nothing took beside it, the median of several; 0 for unknown. */
  controlMs: number;
  /** The call as a person would type it. */
  command: string;
}

export interface HostFacts {
  threads: number | undefined;
  threadsMax: number | undefined;
  pidMax: number | undefined;
  /** Processes with ids that the kernel does not give out again (RESERVED_PIDS, kernel/pid.c). */
  lowPids?: number;
  memoryCgroups?: number;
  processors: number;
  unreadable: string[];
  keyUsage?: { uid: number; keys: number; maxKeys: number; bytes: number; maxBytes: number }[];
}

/** All that was gathered about one container: what rules judge. */
export interface Facts {
  id: string;
  name?: string;
  namespace?: string;
  nowMs: number;
  host: HostFacts;
  cri?: DaemonFacts;
  docker?: DockerFacts;
  containerd?: DaemonFacts;
  shim?: ShimFacts;
  /** Our shim's keeper of this container: the parent of its first process. */
  keeper?: { pid: number; state: string };
  runtime?: RuntimeFacts;
  init?: InitFacts;
  cgroup?: CgroupFacts;
  security?: SecurityFacts;
  /** Mounts of the host that do not answer and that the container binds; `used` is what of it. */
  silentMounts?: { point: string; type: string; source: string; used: string }[];
  execs: ExecFacts[];
  /** Docker's events of this container that say why it ended. */
  ends: { action: string; timeMs: number; attributes: Record<string, string> }[];
  probes: ProbeFacts[];
  /** The program of a container that never started, looked up in its layers. */
  startProgram?: ProgramFacts;
  /** The program to check, when the operator named one (`doctor X -- PROGRAM`). */
  asked?: ProgramFacts;
}
