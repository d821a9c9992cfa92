import { absoluteFrom } from "#lib/linux/path.ts";
import { realPath } from "#lib/linux/real_path.ts";
import { compileCreate } from "../spec/create_compile.ts";
import type { CreateInputs } from "../spec/plan_inputs.ts";
import type { NamespaceType } from "../spec/spec_types.ts";
import { conductLaunch } from "./conduct_launch.ts";
import { readHostFacts, wantedFacts } from "./host_facts.ts";
import { InitRun } from "./init_run.ts";
import { isOwnNamespace, LaunchDescriptors, pidsEscape } from "./launch_descriptors.ts";
import type { ContainerLaunch, Launched, LaunchTask } from "./launch_types.ts";
import { oomKills } from "./limit_cause.ts";
import { compileFilter, listenerOf } from "./seccomp_input.ts";

/**
 * Starts a container's init: it joins or makes the namespaces, builds the root, and waits behind
 * `exec.fifo` of the state folder for `start`. Resolves when it waits there. Rejects with a
 * ChainError that names the operation which failed; nothing of the launch is left then.
 */
export async function launchContainer(launch: ContainerLaunch): Promise<Launched> {
  const rootfs = realPath(absoluteFrom(launch.bundle, launch.spec.root?.path ?? "rootfs"));
  const fds = new LaunchDescriptors(launch.preserveFds ?? 0);
  let run: InitRun;
  try {
    const inputs = createInputs(launch, rootfs, fds);
    const { plan, warnings } = compileCreate(inputs);
    for (const warning of warnings) launch.warn?.(warning);
    run = new InitRun(plan, launch.launcher, launch.step);
    await run.start(fds.base, fds.mapping);
  } finally {
    fds.close();
  }
  const task: LaunchTask = {
    run,
    create: true,
    cgroup: launch.cgroup,
    root: rootfs,
    oomKillsBefore: oomKills(launch.cgroup),
    onNamespaces: (pid) => launch.onNamespaces(pid),
  };
  const onListener = listenerOf(launch, launch.spec, launch.bundle, "creating");
  if (onListener) task.onListener = onListener;
  if (launch.trace) task.trace = launch.trace;
  if (launch.sink) task.sink = launch.sink;
  if (launch.signal) task.signal = launch.signal;
  return conductLaunch(task);
}

function createInputs(
  launch: ContainerLaunch,
  rootfs: string,
  fds: LaunchDescriptors,
): CreateInputs {
  const { spec, cgroup } = launch;
  const ownNamespaces = new Set<NamespaceType>();
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (!path) continue;
    fds.addNamespace(type, path);
    if (isOwnNamespace(type, path)) ownNamespaces.add(type);
  }
  if (spec.process?.terminal) fds.addConsole(launch.consoleSocket, launch.consoleSocketFd);
  const inputs: CreateInputs = {
    id: launch.id,
    spec,
    cgroup,
    facts: readHostFacts(wantedFacts(spec, spec.process, rootfs)),
    fds: fds.names,
    preserveFds: launch.preserveFds ?? 0,
    rootfs,
    bundle: launch.bundle,
    ownNamespaces,
    execFifo: `${launch.stateDir}/exec.fifo`,
    noPivot: launch.noPivot,
    noNewKeyring: launch.noNewKeyring,
  };
  const seccomp = compileFilter(spec, launch.stateDir);
  if (seccomp) inputs.seccomp = seccomp;
  const wayOut = pidsEscape(cgroup);
  if (wayOut) inputs.pidsEscape = wayOut;
  return inputs;
}
