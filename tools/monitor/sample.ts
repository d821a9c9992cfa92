/** A container under watch: who it is, and where the kernel counts for it. */
export interface WatchedContainer {
  /** Its cgroup's path below the hierarchy's top: unique on a host, and cAdvisor's `id`. */
  key: string;
  /** The runtime's id. */
  id: string;
  /** The name that its daemon gives it; the id's first twelve digits until it is known. */
  name: string;
  image: string;
  /** containerd namespace, or "" where it is not known. */
  namespace: string;
  /** Set where it is part of a Kubernetes pod. */
  pod?: PodPlace;
  folders: CounterFolders;
}

/** Where a container is in Kubernetes: the labels that a kubelet's own metrics have. */
export interface PodPlace {
  namespace: string;
  pod: string;
  container: string;
}

/** Absolute cgroup folders. On v2 all are the same one. */
export interface CounterFolders {
  version: 1 | 2;
  pids?: string;
  memory?: string;
  /** Where processor time is counted. */
  cpu?: string;
  /** Where it is limited: on v1 that can be another hierarchy. */
  quota?: string;
}

/** The level of the pids hierarchy with the least room: the container's own or one above it. */
export interface PidsLimit {
  folder: string;
  current: number;
  max: number;
}

/** Threads of all processes of one name. */
export interface NamedThreads {
  process: string;
  threads: number;
  processes: number;
}

/** The process with the least room for open files. */
export interface TightestProcess {
  pid: number;
  process: string;
  open: number;
  softLimit: number;
}

/** What was counted for one container at one moment. Limits are Infinity where there is none. */
export interface ContainerSample {
  /** Wall clock, milliseconds. */
  timeMs: number;
  /** pids.current: the kernel's count of processes and threads. */
  threads: number;
  threadsMax: number;
  /** Absent where no level of the hierarchy has a limit. */
  pidsLimit?: PidsLimit;
  /** Forks refused here: pids.events `max`. */
  forksRefused: number;
  processes: number;
  descriptors: number;
  tightest?: TightestProcess;
  memoryBytes: number;
  /** Usage without inactive file cache: what the kernel would not take back at once. */
  workingSetBytes: number;
  memoryMaxBytes: number;
  oomKills: number;
  /** Processor time used since the cgroup was made, seconds. */
  cpuSeconds: number;
  /** Processors that it may use. */
  cpuMax: number;
  throttledPeriods: number;
  /** By number of threads, most first; at most `MAX_NAMES`. */
  byName: NamedThreads[];
}

/** Names kept of one container: hostile ones may rename themselves without end. */
export const MAX_NAMES = 8;
