import type { CallContext } from "#lib/rpc/service.ts";
import { specAny } from "../client/spec_any.ts";
import type { Container, LiveTask } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import type { ExecProcess } from "../exec/exec_process.ts";
import { ProcessIo } from "../io/process_io.ts";
import { processOf } from "./exec_spec.ts";

/** A client that starts what it created does so at once: beyond this, nothing is held for it. */
const KEEP_MS = 5_000;
/** Each holds four descriptors. */
const MAX_PREPARED = 64;

/**
 * Does the first half of an exec's start while its client reads the answer to its creation: FIFOs,
 * and the process told to containerd. Only where nothing of it depends on the start's own options;
 * whatever goes wrong is left to the start, which then does it all and tells.
 */
export function prepareExec(
  daemon: Daemon,
  container: Container,
  task: LiveTask,
  exec: ExecProcess,
  context: CallContext,
): void {
  const { tty, stdin, user, id } = exec.request;
  if (tty || stdin || user !== "" || daemon.preparedExecs.size >= MAX_PREPARED) return;
  daemon.preparedExecs.add(exec);
  setImmediate(() => {
    if (exec.started || container.task !== task || daemon.closing.signal.aborted) {
      daemon.preparedExecs.delete(exec);
      return;
    }
    try {
      prepare(daemon, container, task, exec, context);
    } catch {
      daemon.preparedExecs.delete(exec);
    }
    daemon.setTimer(`unprepare ${id}`, KEEP_MS, () => dropPrepared(daemon, container, exec));
  });
}

function prepare(
  daemon: Daemon,
  container: Container,
  task: LiveTask,
  exec: ExecProcess,
  context: CallContext,
): void {
  const execId = exec.request.id;
  const spec = specAny("Process", processOf(daemon, container, task, exec, undefined));
  const wanted = { stdin: false, terminal: false };
  const io = ProcessIo.create(daemon.fifoFolder(container.id, execId), wanted, exec.hub);
  const ids = { containerId: container.id, execId };
  const added = daemon.services.tasks
    .exec({ ...ids, ...io.paths, terminal: false, spec }, daemon.call(context))
    .then(
      () => true,
      () => false,
    );
  exec.io = io;
  exec.prepared = { task, io, added };
}

/** What was prepared for an exec that is started now; undefined when the start must do it all. */
export async function takePrepared(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
): Promise<ProcessIo | undefined> {
  const { prepared } = exec;
  daemon.clearTimer(`unprepare ${exec.request.id}`);
  daemon.preparedExecs.delete(exec);
  exec.prepared = undefined;
  if (!prepared) return undefined;
  if ((await prepared.added) && container.task === prepared.task) return prepared.io;
  prepared.io.close();
  exec.io = undefined;
  return undefined;
}

/** Nobody started it: what is held for it goes, and a later start does all of it. */
async function dropPrepared(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
): Promise<void> {
  const { prepared } = exec;
  daemon.preparedExecs.delete(exec);
  if (!prepared) return;
  prepared.io.close();
  exec.io = undefined;
  prepared.added = withdraw(daemon, container, exec, prepared.added);
  await prepared.added;
}

async function withdraw(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  added: Promise<boolean>,
): Promise<boolean> {
  if (await added) {
    const ids = { containerId: container.id, execId: exec.request.id };
    await daemon.services.tasks.deleteProcess(ids, daemon.call()).catch(() => undefined);
  }
  return false;
}
