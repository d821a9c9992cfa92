import { existsSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import { type ExecFlags, execViaDockerd } from "../commands/exec.ts";
import { tracedCommand } from "../trace/traced_command.ts";
import { execViaRuntime } from "./exec_runtime.ts";
import { execViaTask } from "./exec_task.ts";
import { findTarget } from "./find_target.ts";

/** `catena exec`: enters the chain at the link that `--via` names. Returns the exit code. */
export async function runExec(
  container: string,
  command: string[],
  flags: ExecFlags,
): Promise<number> {
  // Only a runtime can leave the full cgroup out, or stop before an operation.
  const via = flags.rescue || flags.step ? "runc" : flags.via;
  if (via === "dockerd") {
    const socket = await dockerSocketOf(container, flags);
    return execViaDockerd(connectDocker(socket), container, command, flags);
  }
  return tracedCommand(`exec via ${via}`, flags, async (trace, span) => {
    const target = await findTarget(container, flags);
    const code =
      via === "runc"
        ? await execViaRuntime(target, command, flags, trace)
        : await execViaTask(target, command, flags, { trace });
    span.set({ exitCode: code });
    return code;
  });
}

/** Ours, where there is one; else the Docker of this host that knows the container. */
async function dockerSocketOf(container: string, flags: ExecFlags): Promise<string> {
  const own = `${flags.state}/docker.sock`;
  if (flags.docker !== undefined) return flags.docker;
  if (existsSync(own)) return own;
  const { dockerSocket } = await findTarget(container, flags);
  if (dockerSocket !== undefined) return dockerSocket;
  throw failure({
    layer: "cli",
    op: "exec",
    code: "not_found",
    message: `no Docker on this host knows ${container}`,
    fix: "enter at a link that does: --via containerd, shim or runc",
  });
}
