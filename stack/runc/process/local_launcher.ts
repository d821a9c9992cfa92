import { toChainError } from "#lib/errors/chain_error.ts";
import { awaitProcess, startProcess } from "#lib/linux/process.ts";
import type {
  ExitStatus,
  LaunchedProcess,
  LaunchRequest,
  ProcessLauncher,
} from "#wire/oci-runtime/runtime.ts";

/** Starts processes as children of this one: the command line's launcher, and a library's. */
export class LocalLauncher implements ProcessLauncher {
  /** A command has nothing else to do, so it may block this long; a daemon's event loop may not. */
  readonly blockMs: number;
  readonly #stdio: NonNullable<LaunchRequest["stdio"]>;

  /** `stdio`: descriptors for standard streams; our own when left out. */
  constructor(options: { blockMs?: number; stdio?: LaunchRequest["stdio"] } = {}) {
    this.blockMs = options.blockMs ?? 0;
    this.#stdio = options.stdio ?? { stdin: 0, stdout: 1, stderr: 2 };
  }

  spawn(request: LaunchRequest): Promise<LaunchedProcess> {
    const { stdin, stdout, stderr } = request.stdio ?? this.#stdio;
    const streams = [
      { fd: stdin, as: 0 },
      { fd: stdout, as: 1 },
      { fd: stderr, as: 2 },
    ];
    const env: string[] = [];
    for (const name in request.env) env.push(`${name}=${request.env[name]}`);
    try {
      const pid = startProcess({
        path: request.executable,
        argv: request.argv,
        env,
        fds: [...streams, ...request.fds],
        ...(request.executableFd === undefined ? {} : { executableFd: request.executableFd }),
        ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      });
      let exited: Promise<ExitStatus> | undefined;
      const waitFor = () => this.waitFor(pid);
      return Promise.resolve({
        pid,
        // Waiting costs a descriptor and a thread: only for who asks.
        get exited() {
          exited ??= waitFor();
          return exited;
        },
      });
    } catch (error) {
      return Promise.reject(toChainError(error, "runc", `start ${request.executable}`));
    }
  }

  async waitFor(pid: number): Promise<ExitStatus> {
    return exitStatus(await awaitProcess(pid, this.blockMs));
  }
}

/** A wait(2) status as the interface says it. */
export function exitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff } : { code: 128 + signal, signal };
}
