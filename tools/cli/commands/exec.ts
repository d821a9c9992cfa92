import type { CallContext } from "#lib/rpc/service.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { EXIT_FAILED } from "../exit_codes.ts";
import { relayInput, relayOutput } from "../io/relay_streams.ts";
import { LentTerminal } from "../io/terminal.ts";
import { tracedCommand } from "../trace/traced_command.ts";

export type ExecLink = "dockerd" | "containerd" | "shim" | "runc";

export interface ExecFlags {
  state: string;
  via: ExecLink;
  rescue?: boolean;
  /** Stop before each operation of the launch. */
  step?: boolean;
  trace?: boolean;
  interactive?: boolean;
  tty?: boolean;
  user?: string;
  workdir?: string;
  env: string[];
  detach?: boolean;
  docker?: string;
  containerd?: string;
  runtimeRoot?: string;
  namespace?: string;
}

/** `catena exec` through the Docker API, the chain's whole length. Returns the exit code. */
export async function execViaDockerd(
  engine: DockerEngine,
  container: string,
  command: string[],
  flags: ExecFlags,
): Promise<number> {
  return tracedCommand(`exec ${command[0] ?? ""}`, flags, async (trace, span) => {
    const code = await performExec(engine, container, command, flags, { trace });
    span.set({ exitCode: code });
    return code;
  });
}

async function performExec(
  engine: DockerEngine,
  container: string,
  command: string[],
  flags: ExecFlags,
  context: CallContext,
): Promise<number> {
  const tty = flags.tty === true;
  const detach = flags.detach === true;
  const { Id } = await engine.execCreate(
    container,
    {
      Cmd: command,
      Tty: tty,
      AttachStdin: flags.interactive === true && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach && !tty,
      Env: flags.env,
      ...(flags.user !== undefined && { User: flags.user }),
      ...(flags.workdir !== undefined && { WorkingDir: flags.workdir }),
    },
    context,
  );
  const streams = await engine.execStart(Id, { Detach: detach, Tty: tty }, context);
  if (!streams) return 0;
  const terminal = tty && process.stdin.isTTY ? new LentTerminal() : undefined;
  const input = streams.input ? relayInput(streams.input) : undefined;
  try {
    terminal?.follow(({ height, width }) => {
      // A process that has ended meanwhile has no terminal to resize.
      engine.execResize(Id, height, width, context).catch(() => undefined);
    });
    await relayOutput(streams.output);
  } finally {
    input?.stop();
    terminal?.restore();
  }
  const { ExitCode } = await engine.execInspect(Id, context);
  return ExitCode ?? EXIT_FAILED;
}
