import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { TraceContext } from "#lib/trace/span.ts";
import type {
  CreateOptions,
  ExecOptions,
  OciRuntime,
  Resources,
  RuntimeState,
} from "../runtime.ts";
import { RuntimeCommand, type RuntimeExecutable } from "./runtime_command.ts";

/** Any OCI runtime's executable (runc, crun, ours) as an `OciRuntime`, with the argv of PEERS. */
export class RuntimeClient implements OciRuntime {
  readonly #command: RuntimeCommand;

  constructor(runtime: RuntimeExecutable) {
    this.#command = new RuntimeCommand(runtime);
  }

  async create(options: CreateOptions): Promise<{ pid: number }> {
    const pidFile = options.pidFile ?? this.#command.workPath("init.pid");
    const args = ["--bundle", options.bundle, "--pid-file", pidFile];
    if (options.consoleSocket) args.push("--console-socket", options.consoleSocket);
    if (options.noPivot) args.push("--no-pivot");
    if (options.noNewKeyring) args.push("--no-new-keyring");
    return this.#launch("create", [...args, options.id], pidFile, options);
  }

  async exec(options: ExecOptions): Promise<{ pid: number }> {
    const pidFile = options.pidFile ?? this.#command.workPath("exec.pid");
    const processFile = this.#command.workPath("process.json");
    writeFileSync(processFile, JSON.stringify(options.process), { mode: 0o600 });
    try {
      const args = ["--process", processFile, "--detach", "--pid-file", pidFile];
      if (options.consoleSocket) args.push("--console-socket", options.consoleSocket);
      if (options.rescue) args.push("--rescue");
      return await this.#launch("exec", [...args, options.id], pidFile, options);
    } finally {
      rmSync(processFile, { force: true });
    }
  }

  async start(id: string, trace?: TraceContext): Promise<void> {
    await this.#command.capture("start", [id], { trace });
  }

  async state(id: string): Promise<RuntimeState> {
    const text = await this.#command.capture("state", [id]);
    return parsed<RuntimeState>("state", text);
  }

  async kill(id: string, signal: number, all = false): Promise<void> {
    await this.#command.capture("kill", [...(all ? ["--all"] : []), id, String(signal)]);
  }

  async delete(id: string, options: { force?: boolean } = {}): Promise<void> {
    await this.#command.capture("delete", [...(options.force ? ["--force"] : []), id]);
  }

  async pause(id: string): Promise<void> {
    await this.#command.capture("pause", [id]);
  }

  async resume(id: string): Promise<void> {
    await this.#command.capture("resume", [id]);
  }

  async processes(id: string): Promise<number[]> {
    const text = await this.#command.capture("ps", ["--format", "json", id]);
    const pids = parsed<unknown>("ps", text);
    // An empty container is `null` to Go.
    return Array.isArray(pids) ? pids.filter((pid) => typeof pid === "number") : [];
  }

  async update(id: string, resources: Resources): Promise<void> {
    const stdin = JSON.stringify(resources);
    await this.#command.capture("update", ["--resources", "-", id], { stdin });
  }

  async #launch(
    op: "create" | "exec",
    args: string[],
    pidFile: string,
    options: CreateOptions | ExecOptions,
  ): Promise<{ pid: number }> {
    try {
      await this.#command.launch(op, args, options.launcher, options.trace);
      return { pid: readPid(op, pidFile) };
    } finally {
      if (!options.pidFile) rmSync(pidFile, { force: true });
    }
  }
}

function readPid(op: string, path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    throw toChainError(thrown, "runc", op).wrap({
      layer: "runc",
      op,
      code: "internal",
      message: `failed to retrieve OCI runtime ${op} pid`,
    });
  }
  const pid = Number(text.trim());
  if (Number.isInteger(pid) && pid > 1) return pid;
  const message = `failed to retrieve OCI runtime ${op} pid: ${JSON.stringify(text.slice(0, 40))}`;
  const evidence = [{ kind: "path" as const, value: "pid file", ref: path }];
  throw failure({ layer: "runc", op, code: "internal", message, evidence });
}

function parsed<T>(op: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    const message = `the runtime's answer to ${op} is not JSON: ${text.slice(0, 200)}`;
    throw failure({ layer: "runc", op, code: "internal", message });
  }
}
