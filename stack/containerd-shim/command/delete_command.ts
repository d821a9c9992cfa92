import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { DeleteResponseSchema } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { timestampFromNs } from "../events/timestamp.ts";
import { keeperLives } from "../keeping/keeper.ts";
import { ENTRY_STATE } from "../keeping/keeper_protocol.ts";
import { ownerInRuntime } from "../process/runtime_owner.ts";
import { unmountRootfs } from "../rootfs/mount_rootfs.ts";
import type { RuntimeFactory } from "../shim_context.ts";
import { readContainer, stateFolder } from "../state/container_record.ts";
import { initPidFile, keptInit, quitKeeper } from "../state/container_recovery.ts";
import type { ShimArguments } from "./shim_arguments.ts";

const SIGKILL_STATUS = 137;
/** containerd waits five seconds for this command. */
const EXIT_TIMEOUT_MS = 3_000;
const EXIT_STEP_MS = 10;

/**
 * `delete`: containerd lost the shim and wants the container gone. Ends it, removes what it had,
 * and prints a DeleteResponse: with the true exit when the keeper has one, else as killed. What
 * fails is said on stderr; containerd logs it as a warning.
 */
export async function deleteCommand(args: ShimArguments, factory: RuntimeFactory): Promise<void> {
  const bundle = args.bundle || join(dirname(process.cwd()), args.id);
  const record = readContainer(bundle);
  if (record) {
    const { namespace, runtime } = record;
    const workFolder = stateFolder(bundle);
    const oci = factory({ ...runtime, namespace, bundle, workFolder });
    if ((await ownerInRuntime(oci, record.id, bundle)) !== "other") {
      await warned("failed to remove container", () => oci.delete(record.id, { force: true }));
    }
  }
  const exit = await awaitExit(bundle);
  await quitKeeper(bundle);
  await warned("failed to cleanup rootfs mount", async () => unmountRootfs(bundle));
  rmSync(stateFolder(bundle), { recursive: true, force: true });
  const response = create(DeleteResponseSchema, {
    pid: exit.pid || readPid(bundle),
    exitStatus: exit.status,
    exitedAt: timestampFromNs(exit.exitedNs),
  });
  process.stdout.write(toBinary(DeleteResponseSchema, response));
}

/** The exit that the keeper wrote down, as soon as it has; a kill, now, when it does not. */
async function awaitExit(bundle: string) {
  const deadline = Date.now() + EXIT_TIMEOUT_MS;
  let kept = keptInit(bundle);
  while (kept?.state === ENTRY_STATE.RUNNING && Date.now() < deadline) {
    // Without its keeper nobody will write the exit down.
    if (!keeperLives(stateFolder(bundle))) break;
    await Bun.sleep(EXIT_STEP_MS);
    kept = keptInit(bundle);
  }
  if (kept?.state === ENTRY_STATE.EXITED) return kept;
  const exitedNs = BigInt(Date.now()) * 1_000_000n;
  return { pid: kept?.pid ?? 0, status: SIGKILL_STATUS, exitedNs };
}

function readPid(bundle: string): number {
  try {
    return Number(readFileSync(initPidFile(bundle), "utf8").trim()) || 0;
  } catch {
    return 0;
  }
}

async function warned(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    if (!text.includes("does not exist")) process.stderr.write(`${what}: ${text}\n`);
  }
}
