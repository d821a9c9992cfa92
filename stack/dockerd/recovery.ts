import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Process, Status } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import { cniPluginsEnded } from "#lib/cni/cni_orphans.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { endLeftTask } from "./client/left_task.ts";
import { timestampNs } from "./client/task_events.ts";
import { certainTask, isAlive } from "./client/task_status.ts";
import type { Container } from "./container/container.ts";
import { openLog } from "./container/container_log.ts";
import { startsWithDaemon } from "./container/restart_policy.ts";
import { type Daemon, OWNER_LABEL } from "./daemon.ts";
import { forgetExecs } from "./exec/exec_leavings.ts";
import { resumeHealth } from "./health/health_probe.ts";
import { ProcessIo } from "./io/process_io.ts";
import { closeSandbox, resumeSandbox, sweepNamespaces } from "./network/sandbox.ts";
import { cleanUpRun, containerExited } from "./server/container_exit.ts";
import { removeLocked } from "./server/container_remove.ts";
import { startLocked } from "./server/container_start.ts";
import type { OciSpec } from "./spec/oci_types.ts";

/** Exit code of a process whose end nobody saw. */
const UNKNOWN_EXIT = 255;

/**
 * Makes the records of an earlier life agree with what is there: running containers are taken up
 * again with their streams, ends that happened meanwhile are told with their codes, leavings are
 * cleaned up.
 */
export async function recover(daemon: Daemon): Promise<void> {
  const tasks = await listTasks(daemon);
  for (const container of daemon.containers.all()) {
    try {
      const task = await certainTask(daemon, container, tasks.get(container.id));
      await recoverOne(daemon, container, task);
    } catch (error) {
      daemon.log.error("container could not be recovered", {
        container: container.id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  await removeLeavings(daemon);
  await removeNetworks(daemon);
}

/** Networks of containers that do not run: of an end that nobody saw, or of a broken start. */
async function removeNetworks(daemon: Daemon): Promise<void> {
  for (const container of daemon.containers.all()) {
    const { state, networks = {} } = container.record;
    if (state.running || !Object.values(networks).some(({ live }) => live)) continue;
    await cniPluginsEnded(container.id);
    await closeSandbox(daemon, container).catch((error: unknown) => {
      daemon.log.warn("network could not be taken down", { id: container.id, error });
    });
    container.save();
  }
  sweepNamespaces(daemon);
}

async function listTasks(daemon: Daemon): Promise<Map<string, Process>> {
  const { tasks } = await daemon.services.tasks.list({ filter: "" }, daemon.call());
  return new Map(tasks.map((task) => [task.id || task.containerId, task]));
}

async function recoverOne(
  daemon: Daemon,
  container: Container,
  task: Process | undefined,
): Promise<void> {
  const { state } = container.record;
  const alive = isAlive(task);
  if (state.restarting) {
    // The time-out that would have started it again died with the daemon.
    Object.assign(state, { running: false, restarting: false });
  }
  if (!state.running) {
    if (alive && task) await adopt(daemon, container, task);
    else if (container.record.hostConfig.AutoRemove) {
      // One that was never started too: who would have started it has lost its connection.
      await container.lock.run(() => removeLocked(daemon, container, { volumes: true }));
    } else container.save();
    return;
  }
  if (alive && task) {
    await adopt(daemon, container, task);
    return;
  }
  await reopenStreams(daemon, container);
  await containerExited(daemon, container, {
    exitCode: task ? task.exitStatus : UNKNOWN_EXIT,
    exitedAtNs: timestampNs(task?.exitedAt),
    pid: 0,
  });
}

/** Takes a running container up again: its streams, its log, its process for execs. */
async function adopt(daemon: Daemon, container: Container, task: Process): Promise<void> {
  const { state, config } = container.record;
  Object.assign(state, { running: true, paused: task.status === Status.PAUSED, pid: task.pid });
  await reopenStreams(daemon, container);
  container.save();
  await resumeSandbox(daemon, container);
  container.announceInput();
  await forgetExecs(daemon, container.id);
  if (config.Healthcheck) resumeHealth(daemon, container);
}

async function reopenStreams(daemon: Daemon, container: Container): Promise<void> {
  const { id } = container;
  const { container: found } = await daemon.services.containers
    .get({ id }, daemon.call())
    .catch((error: unknown) => {
      if (error instanceof ChainError && error.outer.code === "not_found")
        return { container: undefined };
      throw error;
    });
  if (!found?.spec) return;
  const spec = JSON.parse(Buffer.from(found.spec.value).toString("utf8")) as OciSpec;
  const folder = daemon.fifoFolder(id);
  const paths = {
    stdin: existsSync(`${folder}/stdin`) ? `${folder}/stdin` : "",
    stdout: `${folder}/stdout`,
    stderr: container.tty ? "" : `${folder}/stderr`,
  };
  if (!existsSync(paths.stdout)) return;
  openLog(container);
  const { log } = container;
  const tap = log ? (stream: 1 | 2, data: Uint8Array) => log.write(stream, data) : undefined;
  const io = ProcessIo.reopen(folder, paths, container.hub, tap);
  const { uid, gid, additionalGids = [] } = spec.process.user;
  const home = spec.process.env.find((entry) => entry.startsWith("HOME="))?.slice(5) ?? "/";
  container.task = { io, process: spec.process, user: { uid, gid, additionalGids, home } };
}

/** Ours in containerd without a record that says they run; mounted roots that nobody needs. */
async function removeLeavings(daemon: Daemon): Promise<void> {
  const filters = [`labels.${JSON.stringify(OWNER_LABEL)}==1`];
  const { containers } = await daemon.services.containers.list({ filters }, daemon.call());
  for (const { id, snapshotKey, snapshotter } of containers) {
    const known = daemon.containers.get(id);
    if (known?.record.state.running) continue;
    daemon.log.info("removing what a broken start left", { container: id });
    await endLeftTask(daemon, id);
    if (known) await cleanUpRun(daemon, known);
    else {
      const call = daemon.call();
      await daemon.services.containers.delete({ id }, call).catch(() => undefined);
      await daemon.services.snapshots
        .remove({ snapshotter, key: snapshotKey }, call)
        .catch(() => undefined);
    }
  }
  // Contexts of builds and archives that were being loaded.
  rmSync(join(daemon.options.root, "tmp"), { recursive: true, force: true });
  for (const id of daemon.mounts.mounted()) {
    if (!daemon.containers.get(id)?.record.state.running) daemon.mounts.unmount(id);
  }
}

/** Starts, as the daemon comes up, what its restart policy wants running. */
export async function startPolicies(daemon: Daemon): Promise<void> {
  for (const container of daemon.containers.all()) {
    if (container.record.state.running || !startsWithDaemon(container)) continue;
    await container.lock
      .run(() => startLocked(daemon, container, {}))
      .catch((error: unknown) => {
        daemon.log.error("container could not be started", {
          container: container.id,
          error: error instanceof Error ? error.message : String(error),
        });
      });
  }
}

/** The event stream had broken: ends that were told meanwhile are asked for. */
export async function catchUp(daemon: Daemon): Promise<void> {
  const tasks = await listTasks(daemon);
  for (const container of daemon.containers.all()) {
    const { state } = container.record;
    if (!state.running || state.restarting) continue;
    const task = await certainTask(daemon, container, tasks.get(container.id));
    if (isAlive(task)) continue;
    await containerExited(daemon, container, {
      exitCode: task ? task.exitStatus : UNKNOWN_EXIT,
      exitedAtNs: timestampNs(task?.exitedAt),
      pid: 0,
    });
  }
}
