import type { ExecSyncRequest, ExecSyncResponse } from "#gen/wire/cri/proto/container_pb.ts";
import type { ChainError } from "#lib/errors/chain_error.ts";
import { findErrorRecord } from "#lib/errors/error_record.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { errorFromText } from "#lib/rpc/status_codec.ts";
import type { AttachedStreams } from "#wire/docker-api/engine.ts";
import type { ExecInspect } from "#wire/docker-api/types/container_view.ts";
import type { Dockershim } from "../dockershim.ts";
import { ExecOutput } from "../process/exec_output.ts";
import { killProcessGroup } from "../process/process_group.ts";
import { framed, invalid, refuse } from "../refusals.ts";

const op = "exec sync";
/** How Docker's exit codes say that nothing was executed. */
const CANNOT_RUN = new Set([126, 127]);
/** After a kill the streams end by themselves; a stuck one is left. */
const DRAIN_MS = 1000;
/** A Docker that does not start a command within this time hangs. */
const BEGIN_MS = 120_000;
/** When a Docker is asked whether it is there, for a command without a time-out. */
const UNLIMITED_PULSE_MS = 10_000;
/** The same where only a record is asked for. */
const INSPECT_PULSE_MS = 1_000;
const EXIT_STEP_MS = 20;
const EXIT_LIMIT_MS = 2000;

type Result = Pick<ExecSyncResponse, "stdout" | "stderr" | "exitCode">;

/**
 * ExecSync: runs a command and returns what it wrote and how it ended. At the time-out, or when the
 * caller goes away, it is killed with all that it started. A command that cannot be executed at all
 * is an error, with the frames of the link that refused, not a result.
 */
export async function execSync(
  shim: Dockershim,
  { containerId, cmd, timeout }: ExecSyncRequest,
  context: CallContext,
): Promise<Result> {
  if (cmd.length === 0) throw invalid(op, "no command is given");
  try {
    const limitMs = Number(timeout) * 1000;
    const { id, streams } = await shim.pulse.beside(() => begin(shim, containerId, cmd, context), {
      firstMs: limitMs || UNLIMITED_PULSE_MS,
      late: (exec) => unwanted(shim, exec.id),
    });
    const output = new ExecOutput();
    const reading = collect(streams, output);
    const ending = await whichever(reading, limitMs, context.signal);
    if (ending !== "ended") throw await stopped(shim, id, cmd, reading, ending, timeout);
    return await result(shim, id, output, context);
  } catch (thrown) {
    throw framed(op, `failed to exec in container ${containerId}`, thrown);
  }
}

async function begin(
  shim: Dockershim,
  containerId: string,
  cmd: string[],
  context: CallContext,
): Promise<{ id: string; streams: AttachedStreams }> {
  // Not by the caller's patience: an exec that is cut off amid its start would run on unwatched.
  const call = { ...shim.call(context), signal: AbortSignal.timeout(BEGIN_MS) };
  const body = { AttachStdout: true, AttachStderr: true, Cmd: cmd };
  // A container of another kind is Docker's user's own: a dockershim has no business in it.
  const container = await shim.containerId(containerId, context);
  const { Id: id } = await shim.engine.execCreate(container, body, call);
  const streams = await shim.engine.execStart(id, { Detach: false, Tty: false }, call);
  return { id, streams: streams! };
}

async function collect({ output }: AttachedStreams, into: ExecOutput): Promise<"ended"> {
  for await (const chunk of output) into.add(chunk);
  return "ended";
}

/** What comes first: the end, the time-out (0: none), or the caller's leaving. */
function whichever(
  reading: Promise<"ended">,
  limitMs: number,
  signal: AbortSignal | undefined,
): Promise<"ended" | "timeout" | "left"> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
      settle();
    };
    const leave = () => finish(() => resolve("left"));
    const timer =
      limitMs > 0 ? setTimeout(() => finish(() => resolve("timeout")), limitMs) : undefined;
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
    reading.then(
      (ended) => finish(() => resolve(ended)),
      (thrown: unknown) => finish(() => reject(thrown)),
    );
  });
}

/** Kills what still runs; returns the error that says so. */
async function stopped(
  shim: Dockershim,
  id: string,
  cmd: string[],
  reading: Promise<"ended">,
  why: "timeout" | "left",
  timeout: bigint,
): Promise<ChainError> {
  const killed = await shim.pulse.beside(() => kill(shim, id), { firstMs: INSPECT_PULSE_MS });
  await Promise.race([reading.catch(() => "ended"), Bun.sleep(DRAIN_MS)]);
  const words = JSON.stringify(cmd.join(" "));
  if (why === "left") return refuse("cancelled", op, `command ${words}: the caller went away`);
  return refuse(
    "deadline_exceeded",
    op,
    `command ${words} timed out: timeout ${timeout}s exceeded: context deadline exceeded`,
    { evidence: [{ kind: "exit", value: `${killed} processes of the command were killed` }] },
  );
}

/** Kills a command with all that it started; returns how many processes that were. */
async function kill(shim: Dockershim, id: string): Promise<number> {
  const exec = await shim.engine.execInspect(id, {});
  return exec.Running && exec.Pid > 0 ? killProcessGroup(exec.Pid) : 0;
}

/** A command that began when its caller had been told already that it cannot. */
async function unwanted(shim: Dockershim, id: string): Promise<void> {
  const killed = await kill(shim, id);
  shim.log.warn("a command began too late and was killed", { exec: id, killed });
}

async function result(
  shim: Dockershim,
  id: string,
  output: ExecOutput,
  context: CallContext,
): Promise<Result> {
  const exec = await ended(shim, id, context);
  const exitCode = exec.ExitCode ?? 0;
  // One that ran and ended so by itself has had a pid.
  if (CANNOT_RUN.has(exitCode) && exec.Pid === 0) throw notExecuted(shim, output.text, exitCode);
  return { stdout: output.stdout, stderr: output.stderr, exitCode };
}

/** The stream may end a little before the daemon knows the exit code. */
async function ended(shim: Dockershim, id: string, context: CallContext): Promise<ExecInspect> {
  const until = performance.now() + EXIT_LIMIT_MS;
  for (;;) {
    const exec = await shim.pulse.beside(() => shim.engine.execInspect(id, shim.call(context)), {
      firstMs: INSPECT_PULSE_MS,
    });
    if (!exec.Running) return exec;
    if (performance.now() > until) {
      throw refuse("internal", op, `exec ${id} has closed its output and still runs`, {
        evidence: [{ kind: "exit", value: `pid ${exec.Pid} runs` }],
      });
    }
    await Bun.sleep(EXIT_STEP_MS);
  }
}

/** Docker has only the stream for its reason. Ours quotes an id in it, under which it is whole. */
function notExecuted(shim: Dockershim, text: string, exitCode: number): ChainError {
  const error = errorFromText(text.slice(0, 4096) || "the command could not be executed", {
    layer: "dockerd",
    op: "start exec",
    code: "unknown",
    evidence: [{ kind: "exit", value: `exit code ${exitCode}` }],
  });
  return findErrorRecord(shim.state, error.id)?.error ?? error;
}
