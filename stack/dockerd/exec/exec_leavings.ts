import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { Daemon } from "../daemon.ts";
import { removeFifos } from "../io/fifo_set.ts";

/** Ids that this daemon gives: execs of other clients of containerd are theirs to put away. */
const OWN_ID = /^[0-9a-f]{64}$/;

/**
 * Puts away what an exec of an earlier life of this daemon has left: its FIFOs, and, once it has
 * ended, containerd's record of it. One that still runs is put away when its end is told.
 */
export async function forgetExec(
  daemon: Daemon,
  containerId: string,
  execId: string,
): Promise<void> {
  if (!OWN_ID.test(execId)) return;
  removeFifos(daemon.fifoFolder(containerId, execId));
  try {
    await daemon.services.tasks.deleteProcess({ containerId, execId }, daemon.call());
  } catch (error) {
    // It is gone already, or it runs on.
    if (error instanceof ChainError && FORGIVEN.includes(error.outer.code)) return;
    daemon.log.warn("an exec of an earlier life could not be put away", {
      container: containerId,
      exec: execId,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

const FORGIVEN: readonly string[] = ["not_found", "failed_precondition"];

/** Puts away the execs that were under way in a container when the daemon was killed. */
export async function forgetExecs(daemon: Daemon, containerId: string): Promise<void> {
  for (const execId of namesIn(dirname(daemon.fifoFolder(containerId)))) {
    await forgetExec(daemon, containerId, execId);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
