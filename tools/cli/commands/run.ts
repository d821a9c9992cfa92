import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { AttachedStreams, DockerEngine } from "#wire/docker-api/engine.ts";
import type { ContainerCreateBody } from "#wire/docker-api/types/container_config.ts";
import { exitCodeOfFailure, reportFailure } from "../exit_codes.ts";
import { relayInput, relayOutput } from "../io/relay_streams.ts";
import { LentTerminal } from "../io/terminal.ts";
import { readBytes, readUlimit } from "../run_flags.ts";
import { StepFolder } from "../step/step_folder.ts";
import { StepSession } from "../step/step_session.ts";
import { tracedCommand } from "../trace/traced_command.ts";

export interface RunFlags {
  state: string;
  name?: string;
  detach?: boolean;
  interactive?: boolean;
  tty?: boolean;
  rm?: boolean;
  user?: string;
  workdir?: string;
  env: string[];
  volume: string[];
  label: string[];
  pidsLimit?: string;
  memory?: string;
  cpus?: string;
  network?: string;
  hostname?: string;
  readOnly?: boolean;
  privileged?: boolean;
  init?: boolean;
  entrypoint?: string;
  runtime?: string;
  capAdd: string[];
  capDrop: string[];
  securityOpt: string[];
  ulimit: string[];
  tmpfs: string[];
  restart?: string;
  trace?: boolean;
  /** Stop before this operation of the launch. */
  breakBefore?: string;
}

/**
 * `catena run`: creates, attaches, starts and waits. Returns the program's exit code, or docker's
 * 125, 126 or 127 when it did not start.
 */
export async function runRun(
  engine: DockerEngine,
  image: string,
  command: string[],
  flags: RunFlags,
): Promise<number> {
  try {
    return await tracedCommand(`run ${image}`, flags, async (trace) => {
      try {
        return await performRun(engine, image, command, flags, { trace });
      } catch (error) {
        // Told before the trace is drawn, which is long.
        reportFailure("run", error, flags.state);
        throw error;
      }
    });
  } catch (error) {
    return exitCodeOfFailure(error);
  }
}

async function performRun(
  engine: DockerEngine,
  image: string,
  command: string[],
  flags: RunFlags,
  context: CallContext,
): Promise<number> {
  const folder = flags.breakBefore === undefined ? undefined : stepFolder(flags);
  try {
    return await runStepped(
      engine,
      createBody(image, command, flags, folder),
      flags,
      context,
      folder,
    );
  } finally {
    folder?.remove();
  }
}

function stepFolder(flags: RunFlags): StepFolder {
  if (!flags.tty && !flags.interactive) return StepFolder.make(flags.state);
  throw failure({
    layer: "cli",
    op: "run",
    code: "invalid_argument",
    message: "--break-before reads its commands from standard input: leave -i and -t out",
  });
}

async function runStepped(
  engine: DockerEngine,
  body: ContainerCreateBody,
  flags: RunFlags,
  context: CallContext,
  folder: StepFolder | undefined,
): Promise<number> {
  const created = await engine.containerCreate(
    { name: flags.name ?? "", platform: "", body },
    context,
  );
  for (const warning of created.Warnings) process.stderr.write(`warning: ${warning}\n`);
  if (flags.detach) {
    await start(engine, created.Id, flags, context, folder);
    process.stdout.write(`${created.Id}\n`);
    return 0;
  }
  const attached = await engine.containerAttach(
    created.Id,
    {
      stdin: flags.interactive === true,
      stdout: true,
      stderr: true,
      stream: true,
      logs: false,
      detachKeys: "",
    },
    context,
  );
  const condition = flags.rm ? "removed" : "next-exit";
  const waiting = await engine.containerWait(created.Id, condition, context);
  await start(engine, created.Id, flags, context, folder);
  await relay(engine, created.Id, attached, flags, context);
  return (await waiting.done).StatusCode;
}

/** A container that does not start is removed again when it would have been after its end. */
async function start(
  engine: DockerEngine,
  id: string,
  flags: RunFlags,
  context: CallContext,
  folder: StepFolder | undefined,
): Promise<void> {
  try {
    const started = engine.containerStart(id, context);
    await (folder ? new StepSession(folder, flags.breakBefore).through(started) : started);
  } catch (error) {
    if (flags.rm) {
      const options = { force: true, volumes: true, link: false };
      await engine.containerRemove(id, options, context).catch(() => undefined);
    }
    throw error;
  }
}

async function relay(
  engine: DockerEngine,
  id: string,
  attached: AttachedStreams,
  flags: RunFlags,
  context: CallContext,
): Promise<void> {
  const terminal = flags.tty && process.stdin.isTTY ? new LentTerminal() : undefined;
  const input = attached.input ? relayInput(attached.input) : undefined;
  try {
    terminal?.follow(({ height, width }) => {
      engine.containerResize(id, height, width, context).catch(() => undefined);
    });
    await relayOutput(attached.output);
  } finally {
    input?.stop();
    terminal?.restore();
  }
}

function createBody(
  image: string,
  command: string[],
  flags: RunFlags,
  folder: StepFolder | undefined,
): ContainerCreateBody {
  const labels = flags.label.map((one): [string, string] => {
    const at = one.indexOf("=");
    return at < 0 ? [one, ""] : [one.slice(0, at), one.slice(at + 1)];
  });
  const foreground = flags.detach !== true;
  const body: ContainerCreateBody = {
    Image: image,
    Tty: flags.tty === true,
    OpenStdin: flags.interactive === true,
    StdinOnce: flags.interactive === true && foreground,
    AttachStdin: flags.interactive === true && foreground,
    AttachStdout: foreground,
    AttachStderr: foreground,
    Env: flags.env,
    Labels: Object.fromEntries(labels),
    HostConfig: {
      ...hostConfig(flags),
      ...(folder && { Annotations: { "io.catena.step": folder.path } }),
    },
  };
  if (command.length > 0) body.Cmd = command;
  if (flags.entrypoint !== undefined) {
    body.Entrypoint = flags.entrypoint === "" ? [""] : [flags.entrypoint];
  }
  if (flags.user !== undefined) body.User = flags.user;
  if (flags.workdir !== undefined) body.WorkingDir = flags.workdir;
  if (flags.hostname !== undefined) body.Hostname = flags.hostname;
  return body;
}

function hostConfig(flags: RunFlags): NonNullable<ContainerCreateBody["HostConfig"]> {
  const [policy, count] = (flags.restart ?? "no").split(":");
  return {
    AutoRemove: flags.rm === true,
    Binds: flags.volume,
    NetworkMode: flags.network ?? "default",
    ReadonlyRootfs: flags.readOnly === true,
    Privileged: flags.privileged === true,
    CapAdd: flags.capAdd,
    CapDrop: flags.capDrop,
    SecurityOpt: flags.securityOpt,
    Ulimits: flags.ulimit.map(readUlimit),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((one) => tmpfs(one))),
    RestartPolicy: { Name: policy ?? "no", MaximumRetryCount: Number(count ?? 0) },
    ...(flags.init && { Init: true }),
    ...(flags.runtime !== undefined && { Runtime: flags.runtime }),
    ...(flags.pidsLimit !== undefined && { PidsLimit: integer("--pids-limit", flags.pidsLimit) }),
    ...(flags.memory !== undefined && { Memory: readBytes("--memory", flags.memory) }),
    ...(flags.cpus !== undefined && { NanoCpus: Math.round(Number(flags.cpus) * 1e9) }),
  };
}

function tmpfs(text: string): [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function integer(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value)) return value;
  const message = `${flag} ${text}: give a whole number`;
  throw failure({ layer: "cli", op: "run", code: "invalid_argument", message });
}
