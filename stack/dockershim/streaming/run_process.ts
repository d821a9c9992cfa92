import { toChainError } from "#lib/errors/chain_error.ts";
import type { AttachedStreams, DockerEngine } from "#wire/docker-api/engine.ts";
import { killProcessGroup } from "../process/process_group.ts";
import type { StreamEnding } from "./exit_status.ts";
import type { ProcessChannels, TerminalSize, WantedStreams } from "./process_channels.ts";

/** The exit code is known a little after the stream's end. */
const EXIT_STEP_MS = 20;
const EXIT_STEPS = 250;

export interface ExecStream extends WantedStreams {
  kind: "exec";
  containerId: string;
  cmd: string[];
}

export interface AttachStream extends WantedStreams {
  kind: "attach";
  containerId: string;
}

/** Runs a command in a container over a client's channels. One that the client leaves is killed. */
export async function runExec(
  engine: DockerEngine,
  request: ExecStream,
  channels: ProcessChannels,
): Promise<void> {
  await finishing(channels, async () => {
    const body = {
      AttachStdin: request.stdin,
      AttachStdout: request.stdout,
      AttachStderr: request.stderr && !request.tty,
      Tty: request.tty,
      Cmd: request.cmd,
    };
    const { Id } = await engine.execCreate(request.containerId, body, {});
    const options = { Detach: false, Tty: request.tty };
    const streams = await engine.execStart(Id, options, {});
    const killed = () => killExec(engine, Id);
    channels.left.addEventListener("abort", killed, { once: true });
    if (channels.left.aborted) killed();
    try {
      const resize = (size: TerminalSize) => engine.execResize(Id, size.height, size.width, {});
      await carry(streams!, channels, resize);
      return { exitCode: await exitCodeOf(engine, Id) };
    } finally {
      channels.left.removeEventListener("abort", killed);
    }
  });
}

/** Attaches a client to a container's own process, which goes on when the client leaves. */
export async function runAttach(
  engine: DockerEngine,
  request: AttachStream,
  channels: ProcessChannels,
): Promise<void> {
  await finishing(channels, async () => {
    const { containerId, stdin, stdout, stderr, tty } = request;
    const streams = await engine.containerAttach(
      containerId,
      { stdin, stdout, stderr: stderr && !tty, stream: true, logs: false, detachKeys: "" },
      { signal: channels.left },
    );
    const resize = (size: TerminalSize) =>
      engine.containerResize(containerId, size.height, size.width, {});
    await carry(streams, channels, resize);
    return { exitCode: 0 };
  });
}

async function finishing(
  channels: ProcessChannels,
  work: () => Promise<StreamEnding>,
): Promise<void> {
  let ending: StreamEnding;
  try {
    ending = await work();
  } catch (thrown) {
    ending = { error: toChainError(thrown, "dockershim", "stream").message };
  }
  await channels.finish(ending);
}

/** Carries bytes and sizes until the process's output ends. */
async function carry(
  streams: AttachedStreams,
  channels: ProcessChannels,
  resize: (size: TerminalSize) => Promise<void>,
): Promise<void> {
  const { stdin, resizes } = channels;
  if (streams.input && stdin) void feed(streams.input, stdin);
  if (resizes) void follow(resizes, resize);
  for await (const { stream, data } of streams.output) {
    if (channels.left.aborted) return;
    await channels.write(stream, data);
  }
}

async function feed(
  input: NonNullable<AttachedStreams["input"]>,
  stdin: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    for await (const data of stdin) await input.write(data);
    await input.end();
  } catch {
    // The process ended and takes no more.
  }
}

async function follow(
  resizes: AsyncIterable<TerminalSize>,
  resize: (size: TerminalSize) => Promise<void>,
): Promise<void> {
  for await (const size of resizes) {
    // A size for a process that is not there yet, or no more, is of no consequence.
    await resize(size).catch(() => undefined);
  }
}

async function exitCodeOf(engine: DockerEngine, id: string): Promise<number> {
  for (let step = 0; step < EXIT_STEPS; step++) {
    const { Running, ExitCode } = await engine.execInspect(id, {});
    if (!Running && ExitCode !== null) return ExitCode;
    await Bun.sleep(EXIT_STEP_MS);
  }
  throw new RangeError(`exec ${id} has closed its output and still runs`);
}

function killExec(engine: DockerEngine, id: string): void {
  engine.execInspect(id, {}).then(
    ({ Running, Pid }) => {
      if (Running && Pid > 0) killProcessGroup(Pid);
    },
    () => undefined,
  );
}
