import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { failure } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { formatTraceparent, type TraceContext } from "#lib/trace/span.ts";
import type { ExecFlags } from "../commands/exec.ts";
import { EXIT_FAILED } from "../exit_codes.ts";
import { StepFolder } from "../step/step_folder.ts";
import { StepSession } from "../step/step_session.ts";
import { type ExecTarget, resolveUser } from "./find_target.ts";

/**
 * `exec --via runc`: the runtime's own command line on our standard streams. The exit code is the
 * runtime's: the program's, or 255 when it could not be launched. A rescue is always done by our
 * runtime, which can exec in containers of runc too.
 */
export async function execViaRuntime(
  target: ExecTarget,
  command: string[],
  flags: ExecFlags,
  trace: TraceContext,
): Promise<number> {
  if (target.runtimeRoot === undefined) {
    throw failure({
      layer: "cli",
      op: "exec",
      code: "not_found",
      message: `no runtime root holds ${target.id}`,
      fix: "name it with --runtime-root",
    });
  }
  const folder = flags.step ? stepFolder(flags) : undefined;
  const binary = flags.rescue || folder ? binPath("catena-runc") : target.runtimeBinary;
  const argv = ["--root", target.runtimeRoot, "exec"];
  if (flags.tty) argv.push("--tty");
  if (flags.detach) argv.push("--detach");
  if (flags.rescue) argv.push("--rescue");
  if (folder) argv.push("--step", folder.path);
  if (flags.user !== undefined) {
    const { uid, gid } = resolveUser(target, flags.user);
    argv.push("--user", `${uid}:${gid}`);
  }
  if (flags.workdir !== undefined) argv.push("--cwd", flags.workdir);
  for (const one of flags.env) argv.push("--env", one);
  argv.push(target.id, ...command);
  const env = childEnv({
    CATENA_STATE: flags.state,
    TRACEPARENT: formatTraceparent(trace),
  });
  try {
    const { child, ended } = runRuntime(binary, argv, env, flags);
    // In a session of its own: Ctrl-C at the prompt must not end the runtime before its init.
    const interrupt = () => child.kill("SIGINT");
    return folder
      ? await new StepSession(folder, undefined, interrupt).through(ended)
      : await ended;
  } finally {
    folder?.remove();
  }
}

/** Only a launch that leaves our terminal alone can be talked about on it. */
function stepFolder(flags: ExecFlags): StepFolder {
  if (!flags.tty && !flags.interactive) return StepFolder.make(flags.state);
  throw failure({
    layer: "cli",
    op: "exec",
    code: "invalid_argument",
    message: "--step reads its commands from standard input: leave -i and -t out",
  });
}

function runRuntime(
  binary: string,
  argv: string[],
  env: Record<string, string>,
  flags: ExecFlags,
): { child: ChildProcess; ended: Promise<number> } {
  const stdin = flags.interactive || flags.tty ? "inherit" : "ignore";
  const child = spawn(binary, argv, {
    stdio: [stdin, "inherit", "inherit"],
    env,
    detached: flags.step === true,
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      const message = `start ${binary}: ${error.code ?? error.message}`;
      reject(failure({ layer: "cli", op: "exec", code: "not_found", message }));
    });
    child.on("exit", (code, signal) => {
      resolve(code ?? (signal ? 128 + constants.signals[signal] : EXIT_FAILED));
    });
  });
  return { child, ended };
}
