import { rmSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { isExecutableFile } from "#lib/install/executable_file.ts";
import { formatTraceparent, type TraceContext } from "#lib/trace/span.ts";
import type { ExitStatus, ProcessLauncher } from "../runtime.ts";
import { runtimeError, runtimeNotStarted } from "./runtime_error.ts";
import { readRuntimeLog } from "./runtime_log.ts";

/** Where and how one runtime's executable is run. */
export interface RuntimeExecutable {
  /** A path, or a name that is looked up in PATH. */
  name: string;
  /** `--root`: the runtime's state folder. */
  root: string;
  /** Folder for logs and process files of single commands. */
  workFolder: string;
  systemdCgroup?: boolean;
  /** Variables beside the allowed ones of ours. */
  env?: Record<string, string>;
}

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

let commands = 0;

/** Runs a runtime's commands: builds the argv, reads log and output, turns failures into errors. */
export class RuntimeCommand {
  readonly #runtime: RuntimeExecutable;

  constructor(runtime: RuntimeExecutable) {
    this.#runtime = runtime;
  }

  /** Runs a command whose output is ours, and returns its stdout. */
  async capture(
    op: string,
    args: string[],
    options: { stdin?: string; trace?: TraceContext | undefined } = {},
  ): Promise<string> {
    const executable = this.#resolve(op);
    const logPath = this.#newLog();
    try {
      const input = options.stdin === undefined ? "ignore" : Buffer.from(options.stdin);
      const child = Bun.spawn([executable, ...this.#globals(logPath), op, ...args], {
        stdin: input,
        stdout: "pipe",
        stderr: "pipe",
        env: this.#env(options.trace),
        maxBuffer: MAX_OUTPUT_BYTES,
      });
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      const status = exitStatus(child.exitCode, child.signalCode);
      if (status.code === 0) return stdout;
      const log = readRuntimeLog(logPath);
      throw runtimeError({ op, executable, status, log, logPath, stderr });
    } finally {
      rmSync(logPath, { force: true });
    }
  }

  /** Runs a command that starts a process of the container: its streams are the launcher's. */
  async launch(
    op: string,
    args: string[],
    launcher: ProcessLauncher,
    trace?: TraceContext,
  ): Promise<void> {
    const executable = this.#resolve(op);
    const logPath = this.#newLog();
    try {
      const argv = [executable, ...this.#globals(logPath), op, ...args];
      const request = { executable, argv, env: this.#env(trace), fds: [] };
      const child = await launcher.spawn(request).catch((thrown: unknown) => {
        throw runtimeNotStarted(op, executable, toChainError(thrown, "runc", op));
      });
      const status = await child.exited;
      if (status.code === 0) return;
      throw runtimeError({ op, executable, status, log: readRuntimeLog(logPath), logPath });
    } finally {
      rmSync(logPath, { force: true });
    }
  }

  /** A new path in the work folder. */
  workPath(name: string): string {
    commands += 1;
    return join(this.#runtime.workFolder, `${name}.${process.pid}.${commands}`);
  }

  #newLog(): string {
    return this.workPath("log.json");
  }

  #globals(logPath: string): string[] {
    const { root, systemdCgroup } = this.#runtime;
    const args = ["--root", root, "--log", logPath, "--log-format", "json"];
    return systemdCgroup ? [...args, "--systemd-cgroup"] : args;
  }

  #env(trace: TraceContext | undefined): Record<string, string> {
    const extra = { ...this.#runtime.env };
    if (trace) extra["TRACEPARENT"] = formatTraceparent(trace);
    if (trace?.state) extra["TRACESTATE"] = trace.state;
    return childEnv(extra);
  }

  #resolve(op: string): string {
    const { name } = this.#runtime;
    if (name.includes("/")) return name;
    for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
      const path = join(folder, name);
      if (folder !== "" && isExecutableFile(path)) return path;
    }
    const missing = `exec: "${name}": executable file not found in $PATH`;
    throw failure({
      layer: "runc",
      op,
      code: "not_found",
      message: `unable to retrieve OCI runtime error: ${missing}`,
      causeId: "runtime-missing",
      cause: `the OCI runtime ${name} is in no folder of the shim's PATH`,
      fix: "install it, or give its absolute path",
      evidence: [{ kind: "path", value: `PATH=${process.env["PATH"] ?? ""}` }],
    });
  }
}

function exitStatus(code: number | null, signal: NodeJS.Signals | number | null): ExitStatus {
  if (signal === null) return { code: code ?? 255 };
  const number = typeof signal === "number" ? signal : constants.signals[signal];
  return { code: 128 + number, signal: number };
}
