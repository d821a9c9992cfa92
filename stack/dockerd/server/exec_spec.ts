import type { Container, LiveTask } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import type { ExecProcess } from "../exec/exec_process.ts";
import { invalid } from "../refusals.ts";
import { readRootedText, withRoot } from "../rootfs/rooted_files.ts";
import type { OciProcess } from "../spec/oci_types.ts";
import { capabilitySets, containerEnv } from "../spec/spec_build.ts";
import { type ResolvedUser, resolveUser } from "../spec/user_lookup.ts";

function execUser(daemon: Daemon, container: Container, user: string): ResolvedUser {
  return withRoot(daemon.mounts.path(container.id), (rootFd) =>
    resolveUser(
      user,
      {
        passwd: readRootedText(rootFd, "/etc/passwd"),
        group: readRootedText(rootFd, "/etc/group"),
      },
      container.record.hostConfig.GroupAdd ?? [],
    ),
  );
}

/** The process object: the container's own, with what the exec asks for in its place. */
export function processOf(
  daemon: Daemon,
  container: Container,
  task: LiveTask,
  exec: ExecProcess,
  size: { height: number; width: number } | undefined,
): OciProcess {
  const { request } = exec;
  const { config } = container.record;
  // Here and not when it is made: clients take a 126 of the exec, not a refusal, as its failure.
  if (request.cwd && !request.cwd.startsWith("/")) {
    throw invalid("start exec", `Cwd must be an absolute path: ${request.cwd}`);
  }
  const user = request.user === "" ? task.user : execUser(daemon, container, request.user);
  const env = [...(config.Env ?? []), ...request.env];
  const process: OciProcess = {
    ...task.process,
    args: request.args,
    env: containerEnv({ ...config, Env: env, Tty: request.tty }, user.home),
    cwd: request.cwd || config.WorkingDir || "/",
    terminal: request.tty,
    user: {
      uid: user.uid,
      gid: user.gid,
      additionalGids: [...new Set([user.gid, ...user.additionalGids])],
    },
  };
  if (request.privileged) process.capabilities = capabilitySets(daemon.facts.capabilities);
  if (request.tty && size) process.consoleSize = size;
  else delete process.consoleSize;
  return process;
}
