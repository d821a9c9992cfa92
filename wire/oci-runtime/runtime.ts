import type { TraceContext } from "#lib/trace/span.ts";

/**
 * How a process is started on behalf of a runtime: by the runtime itself, or by a keeper, which
 * then is its parent, holds its stdio and reaps it. Standard streams belong to the launcher: the
 * runtime never sees them.
 */
export interface ProcessLauncher {
  /**
   * Starts one executable. Rejects with a ChainError when it cannot be started.
   * The launcher does not close the descriptors it was given.
   */
  spawn(request: LaunchRequest): Promise<LaunchedProcess>;
  /**
   * Waits for another child that a launched process left behind (init's later stages are siblings
   * of its first). Left out by launchers that reap whatever ends.
   */
  waitFor?(pid: number): Promise<ExitStatus>;
  /** How long a waiter may block this thread before it uses the event loop; 0 by default. */
  blockMs?: number;
}

export interface LaunchRequest {
  /** Absolute path of the executable. */
  executable: string;
  /** When set, this descriptor (a sealed memfd) is executed; `executable` is only its name. */
  executableFd?: number;
  argv: string[];
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>;
  cwd?: string;
  /** Descriptors beyond stdio: the child sees `fd` as number `as` (3 or more). */
  fds: { fd: number; as: number }[];
  /**
   * When set, the child's stdio is taken from these instead of the launcher's own streams. Used for
   * foreign runtimes' helper commands whose output is read.
   */
  stdio?: { stdin: number; stdout: number; stderr: number };
}

export interface LaunchedProcess {
  pid: number;
  /** Resolves when the launched process itself (not what it left behind) was reaped. */
  exited: Promise<ExitStatus>;
}

export interface ExitStatus {
  /** The exit code, or 128 + signal. */
  code: number;
  /** Set when a signal ended it. */
  signal?: number;
}

/** `runc state` as the runtime specification defines it, with runc's additions. */
export interface RuntimeState {
  ociVersion: string;
  id: string;
  pid: number;
  status: "creating" | "created" | "running" | "paused" | "stopped";
  bundle: string;
  rootfs: string;
  created: string;
  owner: string;
  annotations?: Record<string, string>;
}

interface ProcessOptions {
  launcher: ProcessLauncher;
  /** Path of a unix socket that receives the terminal's master descriptor (process.terminal). */
  consoleSocket?: string;
  /** Path to which the process id is written, in this host's pid namespace. */
  pidFile?: string;
  trace?: TraceContext;
  /** Aborting it ends the attempt and unwinds whatever was built. */
  signal?: AbortSignal;
}

export interface CreateOptions extends ProcessOptions {
  id: string;
  /** Absolute path of the folder that holds config.json. */
  bundle: string;
  noPivot?: boolean;
  noNewKeyring?: boolean;
}

export interface ExecOptions extends ProcessOptions {
  id: string;
  /** The OCI `process` object. */
  process: unknown;
  /** Join everything but the cgroup whose limit is full (DESIGN: `--rescue`). */
  rescue?: boolean;
}

/** The OCI `linux.resources` object, as `runc update --resources -` takes it. */
export type Resources = Record<string, unknown>;

/**
 * An OCI runtime. Implemented by our library (stack/runc), and by the client in this folder, which
 * runs any runtime's executable (ours, runc, crun). All methods reject with a ChainError.
 */
export interface OciRuntime {
  /** Creates the container and leaves its init waiting for `start`. */
  create(options: CreateOptions): Promise<{ pid: number }>;
  start(id: string, trace?: TraceContext): Promise<void>;
  exec(options: ExecOptions): Promise<{ pid: number }>;
  state(id: string): Promise<RuntimeState>;
  /** `signal` is a number. `all` signals every process of the container. */
  kill(id: string, signal: number, all?: boolean): Promise<void>;
  delete(id: string, options?: { force?: boolean }): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** Process ids (host pid namespace) of every process in the container's cgroup. */
  processes(id: string): Promise<number[]>;
  update(id: string, resources: Resources): Promise<void>;
}
