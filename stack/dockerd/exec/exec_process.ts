import type { ExecInspect } from "#wire/docker-api/types/container_view.ts";
import type { LiveTask } from "../container/container.ts";
import { OutputHub } from "../io/output_hub.ts";
import type { ProcessIo } from "../io/process_io.ts";

export interface ExecRequest {
  id: string;
  containerId: string;
  args: string[];
  /** What the client gave; joined with the container's at the start. */
  env: string[];
  /** "" means the container's. */
  cwd: string;
  user: string;
  tty: boolean;
  privileged: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  detachKeys: string;
  consoleSize: { height: number; width: number } | undefined;
}

/** What was done of an exec's start before its client asked for it. */
export interface PreparedExec {
  /** The run of the container that it belongs to. */
  task: LiveTask;
  io: ProcessIo;
  /** Whether containerd has the process; settles once that is known for good. */
  added: Promise<boolean>;
}

/** A process that is to run, runs or ran beside a container's own. */
export class ExecProcess {
  readonly request: ExecRequest;
  readonly hub = new OutputHub();
  io: ProcessIo | undefined;
  prepared: PreparedExec | undefined;
  started = false;
  running = false;
  pid = 0;
  /** How often the kernel had killed in the container for memory when this began. */
  memoryKillsBefore = 0;
  exitCode: number | undefined;
  /** When it ended: it can be inspected for a while after. Milliseconds since 1970. */
  endedAt: number | undefined;
  /** The size of its terminal, asked for before it was there. */
  size: { height: number; width: number } | undefined;
  #announce: () => void = () => {};
  /** Resolves when the exit code is known. */
  readonly exited: Promise<void>;

  constructor(request: ExecRequest) {
    this.request = request;
    this.exited = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }

  end(exitCode: number): void {
    if (this.exitCode !== undefined) return;
    this.exitCode = exitCode;
    this.running = false;
    this.endedAt = Date.now();
    this.#announce();
  }

  inspect(): ExecInspect {
    const { request } = this;
    const [entrypoint = "", ...rest] = request.args;
    return {
      ID: request.id,
      Running: this.running,
      ExitCode: this.exitCode ?? null,
      ProcessConfig: {
        tty: request.tty,
        entrypoint,
        arguments: rest,
        privileged: request.privileged,
        ...(request.user === "" ? {} : { user: request.user }),
      },
      OpenStdin: request.stdin,
      OpenStderr: request.stderr,
      OpenStdout: request.stdout,
      CanRemove: this.exitCode !== undefined,
      ContainerID: request.containerId,
      DetachKeys: request.detachKeys,
      Pid: this.pid,
    };
  }
}
