import { failure } from "#lib/errors/chain_error.ts";
import { errnoOf, readTextIfAny, statFile } from "#lib/linux/file.ts";
import { CLONE_FLAG } from "../spec/linux_constants.ts";
import type { ExecInputs } from "../spec/plan_inputs.ts";
import type { NamespaceType } from "../spec/spec_types.ts";
import { conductLaunch } from "./conduct_launch.ts";
import { planExec } from "./exec_plans.ts";
import { execHostFacts, wantedFacts } from "./host_facts.ts";
import { InitRun } from "./init_run.ts";
import { isOwnNamespace, LaunchDescriptors, pidsEscape } from "./launch_descriptors.ts";
import type { ExecLaunch, Launched, LaunchTask } from "./launch_types.ts";
import { oomKills } from "./limit_cause.ts";
import { listenerOf } from "./seccomp_input.ts";

/**
 * Runs one more program in a running container. Resolves when it was executed; rejects with a
 * ChainError that names the operation which failed, and nothing of the launch is left then.
 */
export async function launchExec(launch: ExecLaunch): Promise<Launched> {
  const fds = new LaunchDescriptors(launch.preserveFds ?? 0);
  let run: InitRun;
  try {
    const inputs = execInputs(launch, fds);
    const { plan, warnings, encoded } = launch.plan?.(inputs) ?? planExec(inputs);
    for (const warning of warnings) launch.warn?.(warning);
    run = new InitRun(plan, launch.launcher, launch.step, encoded);
    await run.start(fds.base, fds.mapping);
  } finally {
    fds.close();
  }
  const task: LaunchTask = {
    run,
    create: false,
    cgroup: launch.cgroup,
    root: `/proc/${launch.containerPid}/root`,
    containerPid: launch.containerPid,
    oomKillsBefore: oomKills(launch.cgroup),
  };
  const onListener = listenerOf(launch, launch.spec, "", "running");
  if (onListener) task.onListener = onListener;
  if (launch.trace) task.trace = launch.trace;
  if (launch.sink) task.sink = launch.sink;
  if (launch.signal) task.signal = launch.signal;
  return conductLaunch(task);
}

function execInputs(launch: ExecLaunch, fds: LaunchDescriptors): ExecInputs {
  const { spec, process, cgroup, containerPid } = launch;
  const join: NamespaceType[] = [];
  for (const [name, path] of Object.entries(launch.namespacePaths)) {
    if (!(name in CLONE_FLAG)) continue;
    const type = name as NamespaceType;
    // Joining one's own namespace is refused for some types and useless for all.
    if (isOwnNamespace(type, path)) continue;
    openNamespace(fds, type, path, containerPid);
    join.push(type);
  }
  if (!join.includes("mount")) addForeignRoot(fds, containerPid);
  if (process.terminal) fds.addConsole(launch.consoleSocket, launch.consoleSocketFd);
  const inputs: ExecInputs = {
    id: launch.id,
    spec,
    cgroup,
    facts: execHostFacts(wantedFacts(spec, process)),
    fds: fds.names,
    preserveFds: launch.preserveFds ?? 0,
    process,
    join,
    noNewKeyring: launch.noNewKeyring ?? false,
  };
  if (launch.filter) inputs.seccomp = launch.filter;
  const wayOut = pidsEscape(cgroup);
  if (wayOut) inputs.pidsEscape = wayOut;
  const initCgroup = unifiedOf(containerPid, cgroup.unified);
  if (initCgroup) inputs.initCgroup = initCgroup;
  return inputs;
}

function openNamespace(
  fds: LaunchDescriptors,
  type: NamespaceType,
  path: string,
  pid: number,
): void {
  try {
    fds.addNamespace(type, path);
  } catch (error) {
    const errno = errnoOf(error);
    const gone = errno === "ENOENT" && !statFile(`/proc/${pid}`);
    throw failure({
      layer: "runc",
      op: "join namespaces",
      code: gone
        ? "failed_precondition"
        : errno === "EMFILE"
          ? "resource_exhausted"
          : "permission_denied",
      message: gone
        ? "cannot exec in a stopped container"
        : `open ${path}: ${(error as Error).message}`,
      ...(gone ? { causeId: "not-running" } : {}),
      ...(errno === undefined ? {} : { evidence: [{ kind: "errno", value: errno, ref: path }] }),
    });
  }
}

/** Without a mount namespace of its own the container is only confined by its root. */
function addForeignRoot(fds: LaunchDescriptors, pid: number): void {
  const own = statFile("/");
  const root = statFile(`/proc/${pid}/root/.`);
  if (own && root && (own.ino !== root.ino || own.dev !== root.dev)) {
    fds.addRoot(`/proc/${pid}/root`);
  }
}

/** The folder of the unified hierarchy that the container's init is in now, when it is another. */
function unifiedOf(pid: number, unified: string | undefined): string | undefined {
  if (!unified) return undefined;
  const text = `\n${readTextIfAny(`/proc/${pid}/cgroup`) ?? ""}`;
  const at = text.indexOf("\n0::/");
  if (at < 0) return undefined;
  const path = text.slice(at + "\n0::".length, text.indexOf("\n", at + 1));
  const mount = statFile("/sys/fs/cgroup/cgroup.controllers")
    ? "/sys/fs/cgroup"
    : "/sys/fs/cgroup/unified";
  const folder = `${mount}${path}`;
  return folder === unified || !statFile(folder) ? undefined : folder;
}
