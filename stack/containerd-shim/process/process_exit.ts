import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Keeper } from "../keeping/keeper.ts";
import type { KeeperEvents } from "../keeping/keeper_connection.ts";
import type { KeptProcess } from "../keeping/keeper_protocol.ts";
import type { ShimContext } from "../shim_context.ts";
import { noteExitTold } from "../state/container_record.ts";
import type { Container, ExecProcess, InitProcess } from "./container.ts";
import { INIT_TOKEN } from "./task_process.ts";

const SIGKILL = 9;
const RECONNECT_MS = 1_000;
/** As a process that was killed; nobody can know more once the keeper is gone. */
const KILLED_STATUS = 128 + SIGKILL;

/** What a container's keeper tells, carried to the container and to containerd. */
export function keeperEvents(shim: ShimContext, container: () => Container): KeeperEvents {
  return {
    exited: (kept) => {
      const process = container().byToken(kept.token);
      if (process) void processExited(shim, container(), process, kept);
    },
    drained: (token) => container().byToken(token)?.drained.resolve(),
    consoleReady: (token) => container().byToken(token)?.consoleReady.resolve(),
    lost: (byUs) => void keeperLost(shim, container(), byUs),
  };
}

/** Notes an exit and tells it: after that process's start, and after an OOM kill that caused it. */
export async function processExited(
  shim: ShimContext,
  container: Container,
  process: InitProcess | ExecProcess,
  kept: Pick<KeptProcess, "status" | "exitedNs" | "pid">,
  tell = true,
): Promise<void> {
  if (process.exit) return;
  if (process.pid === 0) process.pid = kept.pid;
  if (process.token === INIT_TOKEN) await killOthers(shim, container);
  await process.starting;
  shim.oom.check(container);
  if (!process.noteExit(kept) || !tell) return;
  const exit = {
    containerId: container.id,
    id: process.execId === "" ? container.id : process.execId,
    pid: process.pid,
    exitStatus: kept.status,
    exitedNs: kept.exitedNs,
  };
  shim.events.exit(exit, () => noteExitTold(container.bundle, process.token));
  if (process.token === INIT_TOKEN) await dropIfWiped(shim, container);
}

/**
 * A container whose bundle was wiped while it ran is nobody's any more: containerd will not delete
 * it, so this shim lets go of it, and may end.
 */
async function dropIfWiped(shim: ShimContext, container: Container): Promise<void> {
  const { keeper, id } = container;
  if (!keeper || keeper.lost || keeper.alive) return;
  shim.log.warn("a container ended whose bundle was wiped", { id });
  shim.oom.remove(container);
  if (shim.containers.get(id) === container) shim.containers.delete(id);
  await keeper.quit().catch(() => {});
  shim.retire(id);
}

/**
 * Without a pid namespace of its own the kernel does not end the container's other processes with
 * its init, so the runtime is asked to.
 */
async function killOthers(shim: ShimContext, container: Container): Promise<void> {
  if (hasPidNamespace(container.bundle)) return;
  try {
    await container.runtime.kill(container.id, SIGKILL, true);
  } catch (error) {
    shim.log.warn("failed to kill init's children", { id: container.id, error: String(error) });
  }
}

/** Whether config.json gives the container a pid namespace of its own. */
function hasPidNamespace(bundle: string): boolean {
  try {
    const spec = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as {
      linux?: { namespaces?: { type?: string; path?: string }[] };
    };
    const namespaces = spec.linux?.namespaces ?? [];
    return namespaces.some(({ type, path }) => type === "pid" && !path);
  } catch {
    return false;
  }
}

/** The keeper died: nobody can reap its container truly, so it is ended and told as killed. */
async function keeperLost(shim: ShimContext, container: Container, byUs: boolean): Promise<void> {
  const { id, keeper } = container;
  if (container.init.state === "deleted" || shim.containers.get(id) !== container) return;
  if (keeper?.alive) {
    if (byUs) await reconnect(shim, container, keeper);
    else handOver(shim, container);
    return;
  }
  shim.log.error("the container's keeper is gone: ending the container", { id });
  try {
    await container.runtime.kill(id, SIGKILL, true);
  } catch (error) {
    shim.log.warn("failed to kill an orphaned container", { id, error: String(error) });
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const process of [...container.execs.values(), container.init]) {
    process.drained.resolve();
    if (process.pid === 0 || process.exit) continue;
    const kept = { status: KILLED_STATUS, exitedNs: now, pid: process.pid };
    await processExited(shim, container, process, kept);
  }
}

/** A keeper hangs up on its shim for a newer one only: this one must not touch the container. */
function handOver(shim: ShimContext, container: Container): void {
  shim.log.warn("another shim has taken a container over", { id: container.id });
  shim.oom.remove(container);
  shim.containers.delete(container.id);
}

/** The keeper did not answer in time (it was stopped, say): asked again for as long as it lives. */
async function reconnect(shim: ShimContext, container: Container, keeper: Keeper): Promise<void> {
  shim.log.warn("a keeper does not answer", { id: container.id });
  while (keeper.alive && shim.containers.get(container.id) === container) {
    await Bun.sleep(RECONNECT_MS);
    try {
      const events = keeperEvents(shim, () => container);
      container.keeper = await Keeper.reconnect(keeper.folder, events);
      return;
    } catch {
      // Still no answer.
    }
  }
  if (!keeper.alive) await keeperLost(shim, container, false);
}
