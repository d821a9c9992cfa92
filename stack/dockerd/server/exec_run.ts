import { randomBytes } from "node:crypto";
import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { descriptorCause } from "#lib/errors/descriptor_cause.ts";
import { recordError } from "#lib/errors/error_record.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { AttachedStreams } from "#wire/docker-api/engine.ts";
import type { ExecCreateBody, ExecStartBody } from "#wire/docker-api/types/container_config.ts";
import { specAny } from "../client/spec_any.ts";
import type { Container, LiveTask } from "../container/container.ts";
import { endCause } from "../container/end_cause.ts";
import { CANNOT_RUN, launchFailure } from "../container/launch_failure.ts";
import type { Daemon } from "../daemon.ts";
import { ExecProcess } from "../exec/exec_process.ts";
import { attachedStreams } from "../io/attached.ts";
import { parseDetachKeys } from "../io/escape_keys.ts";
import { ProcessIo } from "../io/process_io.ts";
import { conflict, invalid } from "../refusals.ts";
import type { OciProcess } from "../spec/oci_types.ts";
import { prepareExec, takePrepared } from "./exec_prepare.ts";
import { processOf } from "./exec_spec.ts";

/** Text of a failed start goes into the stream in one piece; no client sends more. */
const LINE_END = "\r\n";

/** A container in which something can be executed now. Throws dockerd's refusals. */
function activeContainer(daemon: Daemon, ref: string): { container: Container; task: LiveTask } {
  const op = "exec";
  const container = daemon.find(ref);
  const { state } = container.record;
  if (!state.running || (!container.task && !state.restarting)) {
    const cause = endCause(container.record, ref);
    throw conflict(op, `container ${container.id} is not running`, cause);
  }
  if (state.paused) {
    throw conflict(op, `Container ${ref} is paused, unpause the container before exec`, {
      causeId: "paused",
      cause: "its cgroup is frozen",
      fix: `docker unpause ${ref}`,
    });
  }
  if (state.restarting || !container.task) {
    throw conflict(
      op,
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  }
  return { container, task: container.task };
}

/** POST /containers/ID/exec */
export async function execCreate(
  daemon: Daemon,
  ref: string,
  body: ExecCreateBody,
  context: CallContext,
): Promise<{ Id: string }> {
  const { container, task } = activeContainer(daemon, ref);
  const op = "create exec";
  parseDetachKeys(body.DetachKeys ?? "");
  for (const text of [...(body.Cmd ?? []), ...(body.Env ?? [])]) {
    if (text.includes("\0")) throw invalid(op, "invalid command: it holds a null byte");
  }
  const [height, width] = body.ConsoleSize ?? [];
  const exec = new ExecProcess({
    id: randomBytes(32).toString("hex"),
    containerId: container.id,
    args: body.Cmd ?? [],
    env: body.Env ?? [],
    cwd: body.WorkingDir ?? "",
    user: body.User ?? "",
    tty: body.Tty === true,
    privileged: body.Privileged === true,
    stdin: body.AttachStdin === true,
    stdout: body.AttachStdout === true,
    stderr: body.AttachStderr === true,
    detachKeys: body.DetachKeys ?? "",
    consoleSize: height && width ? { height, width } : undefined,
  });
  daemon.execs.add(exec);
  container.execs.set(exec.request.id, exec);
  announce(daemon, container, exec, "exec_create");
  prepareExec(daemon, container, task, exec, context);
  return { Id: exec.request.id };
}

function announce(daemon: Daemon, container: Container, exec: ExecProcess, action: string): void {
  const [program = "", ...args] = exec.request.args;
  // With a blank after the program although nothing follows: dockerd's words.
  daemon.events.container(container, `${action}: ${program} ${args.join(" ")}`, {
    execID: exec.request.id,
  });
}

/** POST /exec/ID/start. Undefined when it was started detached. */
export async function execStart(
  daemon: Daemon,
  id: string,
  body: ExecStartBody,
  context: CallContext,
): Promise<AttachedStreams | undefined> {
  const exec = daemon.execs.find(id);
  const op = "start exec";
  if (exec.exitCode !== undefined) throw conflict(op, `exec command ${id} has already run`);
  if (exec.started) throw conflict(op, `exec command ${id} is already running`);
  const { container, task } = activeContainer(daemon, exec.request.containerId);
  exec.started = true;
  const [height, width] = body.ConsoleSize ?? [];
  const size = height && width ? { height, width } : exec.request.consoleSize;
  const { request } = exec;
  const detached = body.Detach === true;
  const output = detached
    ? undefined
    : exec.hub.subscribe([
        ...(request.stdout || request.tty ? [1 as const] : []),
        ...(request.stderr ? [2 as const] : []),
      ]);
  const process = () => processOf(daemon, container, task, exec, size);
  try {
    await launchExec(daemon, container, exec, process, detached, context);
  } catch (thrown) {
    const error = failExec(daemon, container, exec, thrown);
    if (!output) throw error;
    await output.return();
    return failedStreams(exec, error);
  }
  if (!output) return undefined;
  return attachedStreams({
    tty: request.tty,
    output,
    ...(request.stdin && exec.io ? { input: { io: exec.io, ended: endInput(daemon, exec) } } : {}),
    detachKeys: request.detachKeys,
    detached: () => daemon.events.container(container, "exec_detach", { execID: id }),
  });
}

async function launchExec(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  process: () => OciProcess,
  detached: boolean,
  context: CallContext,
): Promise<void> {
  const { request } = exec;
  const call = daemon.call(context);
  const ids = { containerId: container.id, execId: request.id };
  let io = await takePrepared(daemon, container, exec);
  announce(daemon, container, exec, "exec_start");
  if (!io) {
    const wanted = { stdin: request.stdin && !detached, terminal: request.tty };
    const spec = specAny("Process", process());
    io = openExecIo(daemon.fifoFolder(container.id, request.id), wanted, exec.hub);
    exec.io = io;
    await daemon.services.tasks.exec({ ...ids, ...io.paths, terminal: request.tty, spec }, call);
  }
  try {
    exec.running = true;
    exec.memoryKillsBefore = container.memoryKills.count;
    const { pid } = await daemon.services.tasks.start(ids, call);
    exec.pid = pid;
    io.releaseHolders();
  } catch (error) {
    await daemon.services.tasks.deleteProcess(ids, daemon.call()).catch(() => undefined);
    throw error;
  }
  if (exec.size) await resizeExec(daemon, exec, call);
}

function openExecIo(...args: Parameters<typeof ProcessIo.create>): ProcessIo {
  try {
    return ProcessIo.create(...args);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "open streams");
    throw error.wrap({
      layer: "dockerd",
      op: "open streams",
      code: error.outer.code,
      message: "failed to open stdout fifo",
      ...descriptorCause(error, "dockerd"),
    });
  }
}

/** Closes our end and the shim's: the process sees the end of its input. */
function endInput(daemon: Daemon, exec: ExecProcess): () => Promise<void> {
  return async () => {
    if (exec.request.tty) return;
    await exec.io?.endInput();
    const { containerId, id: execId } = exec.request;
    if (!exec.running) return;
    await daemon.services.tasks
      .closeIO({ containerId, execId, stdin: true }, daemon.call())
      .catch(() => undefined);
  };
}

function failExec(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  thrown: unknown,
): ChainError {
  const given = toChainError(thrown, "dockerd", "start exec");
  const failure =
    given.outer.layer === "dockerd"
      ? { exitCode: CANNOT_RUN, error: given }
      : launchFailure(given, "start exec", "", CANNOT_RUN);
  exec.end(failure.exitCode);
  daemon.execs.ended(exec);
  exec.io?.close();
  exec.io = undefined;
  exec.hub.end();
  container.execs.delete(exec.request.id);
  // The client gets only text: the frames are kept for whoever asks by id.
  recordError(daemon.options.state, failure.error);
  daemon.log.error(`Error running exec ${exec.request.id} in container: ${failure.error.message}`);
  return failure.error;
}

/** The connection is the stream already: the reason is written into it. */
function failedStreams(exec: ExecProcess, error: ChainError): AttachedStreams {
  const data = Buffer.from(`${error.message}${LINE_END}`);
  async function* output() {
    yield { stream: exec.request.stderr && !exec.request.stdout ? 2 : 1, data } as const;
  }
  return { tty: exec.request.tty, output: output() };
}

/** POST /exec/ID/resize. The CLI may ask before the process has its terminal. */
export async function execResize(
  daemon: Daemon,
  id: string,
  height: number,
  width: number,
  context: CallContext,
): Promise<void> {
  const exec = daemon.execs.find(id);
  exec.size = { height, width };
  if (exec.exitCode !== undefined) {
    throw conflict("resize exec", `exec command ${id} has already run`);
  }
  // Asked for too early: it is set when the process has been started.
  if (exec.running && exec.pid !== 0) await resizeExec(daemon, exec, daemon.call(context));
}

async function resizeExec(daemon: Daemon, exec: ExecProcess, call: CallContext): Promise<void> {
  const { containerId, id: execId } = exec.request;
  try {
    await daemon.services.tasks.resizePty({ containerId, execId, ...exec.size! }, call);
  } catch (error) {
    // A process that ended meanwhile has no terminal to resize.
    if (!(error instanceof ChainError)) throw error;
  }
}
