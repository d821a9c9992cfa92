import type { Daemon } from "../daemon.ts";

/** How long a killed process may take to end. */
const END_MS = 10_000;

/** Ends and deletes a task that nobody wants any more; one that is not there is no error. */
export async function endLeftTask(daemon: Daemon, id: string): Promise<void> {
  const call = { ...daemon.call(), timeoutMs: END_MS };
  const ids = { containerId: id };
  try {
    await daemon.services.tasks.kill({ ...ids, execId: "", signal: 9, all: true }, call);
    await daemon.services.tasks.wait({ ...ids, execId: "" }, call);
  } catch {
    // It has no task, or the task has ended.
  }
  await daemon.services.tasks.delete(ids, call).catch(() => undefined);
}
