import type { SpanRecord, TraceContext } from "#lib/trace/span.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import type { ProcessLauncher } from "#wire/oci-runtime/runtime.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import type { ExecInputs, SeccompFilter } from "../spec/plan_inputs.ts";
import type { Process, Spec } from "../spec/spec_types.ts";
import type { ExecPlan } from "./exec_plans.ts";
import type { InitRun } from "./init_run.ts";

interface LaunchCommon {
  launcher: ProcessLauncher;
  cgroup: CgroupJoin;
  consoleSocket?: string;
  /** A descriptor of an already connected console socket, instead of a path. */
  consoleSocketFd?: number;
  /** How many descriptors from 3 on are passed to the process (`--preserve-fds`, LISTEN_FDS). */
  preserveFds?: number;
  trace?: TraceContext;
  sink?: SpanSink;
  signal?: AbortSignal;
  /** A folder through which somebody steps from operation to operation (`--break-before`). */
  step?: string;
  /** Told what is odd about the spec although it works (unknown capabilities). */
  warn?: (text: string) => void;
}

export interface ContainerLaunch extends LaunchCommon {
  id: string;
  spec: Spec;
  bundle: string;
  /** The container's state folder: holds exec.fifo, by which the process waits for `start`. */
  stateDir: string;
  noPivot: boolean;
  noNewKeyring: boolean;
  /**
   * Called when the container's namespaces exist and its process waits, before the root is entered:
   * the moment of prestart and createRuntime hooks. The launch fails if it rejects.
   */
  onNamespaces(pid: number): Promise<void>;
}

export interface ExecLaunch extends LaunchCommon {
  id: string;
  process: Process;
  /** The spec that the container was created with: seccomp, namespaces, mount label. */
  spec: Spec;
  /** The container's init, whose namespaces are joined. */
  containerPid: number;
  /** Namespace files to join, by type, as state.json has them (path or /proc/PID/ns/TYPE). */
  namespacePaths: Record<string, string>;
  /** The spec's seccomp profile, compiled. */
  filter?: SeccompFilter;
  /** The container has no session keyring of its own to be joined. */
  noNewKeyring?: boolean;
  /** Plans the exec; left out where nothing is known of earlier ones. */
  plan?: (inputs: ExecInputs) => ExecPlan;
}

export interface Launched {
  /** Host process id of the container's process. */
  pid: number;
  /** Init's stages and operations as finished spans; made when they are first asked for. */
  readonly spans: SpanRecord[];
}

/** A launch under way, as its parts hand it on. */
export interface LaunchTask {
  run: InitRun;
  create: boolean;
  cgroup: CgroupJoin;
  /** Host path below which the container's paths are found: the rootfs, or /proc/PID/root. */
  root: string;
  oomKillsBefore: number | undefined;
  /** The container's init, for an exec. */
  containerPid?: number;
  onNamespaces?: (pid: number) => Promise<void>;
  /** Takes the seccomp notify descriptor, which is closed afterwards. */
  onListener?: (fd: number, pid: number) => Promise<void>;
  trace?: TraceContext;
  sink?: SpanSink;
  signal?: AbortSignal;
}
