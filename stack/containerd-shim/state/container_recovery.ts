import { rmSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { OciRuntime } from "#wire/oci-runtime/runtime.ts";
import { locateCgroup } from "../cgroup/cgroup_location.ts";
import { Keeper, readLedger } from "../keeping/keeper.ts";
import { ENTRY_STATE, type KeptProcess } from "../keeping/keeper_protocol.ts";
import { Container, type ExecProcess } from "../process/container.ts";
import { keeperEvents, processExited } from "../process/process_exit.ts";
import { ownerInRuntime } from "../process/runtime_owner.ts";
import { INIT_TOKEN, TaskProcess } from "../process/task_process.ts";
import { unmountRootfs } from "../rootfs/mount_rootfs.ts";
import { runtimeOf, type ShimContext } from "../shim_context.ts";
import {
  bundlesOfShim,
  type ContainerRecord,
  readContainer,
  readExecs,
  readExitsTold,
  stateFolder,
} from "./container_record.ts";

const SIGKILL_STATUS = 137;

/**
 * Takes over what a former shim of this address left: finds its containers by their bundles, their
 * keepers by the bundles' state, and their exits in the ledgers. Exits that containerd was not told
 * of are told now.
 */
export async function recoverContainers(shim: ShimContext, bundlesFolder: string): Promise<void> {
  const records = bundlesOfShim(bundlesFolder, shim.address)
    .map((bundle) => readContainer(bundle))
    .filter((record) => record !== undefined && record.namespace === shim.namespace);
  await Promise.all(
    records.map(async (record) => {
      try {
        await recover(shim, record!);
      } catch (thrown) {
        const error = toChainError(thrown, "shim", "recover").message;
        shim.log.error("failed to recover a container", { id: record!.id, error });
      }
    }),
  );
}

async function recover(shim: ShimContext, record: ContainerRecord): Promise<void> {
  const { id, bundle } = record;
  const workFolder = stateFolder(bundle);
  const runtime = runtimeOf(shim, { ...record.runtime, bundle, workFolder });
  if (record.pid === 0) {
    await undoCreate(record, runtime);
    return;
  }
  const container = new Container(record, runtime, record.started ? "running" : "created");
  recoverExecs(container);
  shim.containers.set(id, container);
  shim.log.addBundle(bundle);
  container.cgroup = locateCgroup(record.pid);
  const told = readExitsTold(bundle);
  // Before the keeper speaks: what it repeats is then known, and not told a second time.
  await noteExits(shim, container, told);
  try {
    container.keeper = await Keeper.reconnect(
      workFolder,
      keeperEvents(shim, () => container),
    );
  } catch (thrown) {
    shim.log.error("a container's keeper is gone", { id, error: String(thrown) });
    await endOrphan(shim, container);
    return;
  }
  await noteExits(shim, container, told);
  if (container.init.state === "running") {
    shim.oom.add(container);
    if (await isPaused(container)) container.init.become("paused");
  }
}

function recoverExecs(container: Container): void {
  const ledger = readLedger(stateFolder(container.bundle));
  for (const record of readExecs(container.bundle)) {
    const { execId, token, stdio } = record;
    const kept = ledger.get(token);
    const started = kept !== undefined && kept.pid !== 0;
    const state = started ? "running" : "created";
    const exec: ExecProcess = new TaskProcess(token, execId, stdio, state);
    if (!started && record.process !== undefined) exec.spec = record.process;
    if (kept) exec.pid = kept.pid;
    container.execs.set(execId, exec);
    container.newToken(token + 1);
  }
  for (const token of ledger.keys()) container.newToken(token + 1);
}

async function noteExits(
  shim: ShimContext,
  container: Container,
  told: Set<number>,
): Promise<void> {
  for (const kept of readLedger(stateFolder(container.bundle)).values()) {
    const process = container.byToken(kept.token);
    if (kept.state !== ENTRY_STATE.EXITED || !process) continue;
    await processExited(shim, container, process, kept, !told.has(kept.token));
  }
}

/** The keeper was killed too: its exits are lost, so the container is ended and told as killed. */
async function endOrphan(shim: ShimContext, container: Container): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  await container.runtime.kill(container.id, 9, true).catch(() => {});
  for (const process of [...container.execs.values(), container.init]) {
    process.drained.resolve();
    if (process.pid === 0 || process.exit) continue;
    const kept = { status: SIGKILL_STATUS, exitedNs: now, pid: process.pid };
    await processExited(shim, container, process, kept);
  }
}

/** A create that was cut short: containerd has no task of it, so nothing of it may stay. */
async function undoCreate(record: ContainerRecord, runtime: OciRuntime): Promise<void> {
  const { id, bundle } = record;
  if ((await ownerInRuntime(runtime, id, bundle)) !== "other") {
    await runtime.delete(id, { force: true }).catch(() => {});
  }
  await quitKeeper(bundle);
  unmountRootfs(bundle);
  rmSync(stateFolder(bundle), { recursive: true, force: true });
}

/** Ends a bundle's keeper, if it has one that still answers. */
export async function quitKeeper(bundle: string): Promise<void> {
  const silent = { exited() {}, drained() {}, consoleReady() {}, lost() {} };
  try {
    const keeper = await Keeper.reconnect(stateFolder(bundle), silent);
    await keeper.quit();
  } catch {
    // Gone already, or it still has a process: then it stays that process's parent.
  }
}

async function isPaused(container: Container): Promise<boolean> {
  try {
    return (await container.runtime.state(container.id)).status === "paused";
  } catch {
    return false;
  }
}

/** What a bundle's ledger says of its init. */
export function keptInit(bundle: string): KeptProcess | undefined {
  return readLedger(stateFolder(bundle)).get(INIT_TOKEN);
}

/** The path of a bundle's init pid file, as containerd's shim names it. */
export function initPidFile(bundle: string): string {
  return join(bundle, "init.pid");
}
