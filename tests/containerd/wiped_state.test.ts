import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TaskStatus } from "#wire/task-ttrpc/task_service.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { unmountBelow } from "../lib/mount_table.ts";
import { processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

// Somebody wipes containerd's state folder while a container runs: shim, keeper and runtime know
// the container still, containerd does not. It can be started again at once, and the old links end.

const LIMIT_MS = 120_000;
const SLEEP = ["sleep", "100000"];
const LINKS = /^\S*(containerd-shim-catena-v2|catena-keeper) /;
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

describe(reason ? `wiped state [skipped: ${reason}]` : "wiped state", () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.close(), LIMIT_MS);

  test.skipIf(reason !== undefined)(
    "a container is started anew, and what knew the old one ends",
    async () => {
      const daemon = await startCatenaContainerd(sandbox);
      const client = new ContainerdClient(sandbox, daemon, "io.containerd.catena.v2");
      await client.prepare(await busyboxImageArchive(sandbox));
      const id = await client.run(SLEEP);
      const old = links(sandbox);
      await daemon.stop();
      unmountBelow(daemon.state);
      for (const name of readdirSync(daemon.state)) {
        rmSync(join(daemon.state, name), { recursive: true, force: true });
      }
      await daemon.start();
      const { services, context } = client;
      const snapshot = { snapshotter: "overlayfs", key: id };
      const { mounts: rootfs } = await services.snapshots.mounts(snapshot, context);
      await services.tasks.create({ containerId: id, rootfs }, context);
      await services.tasks.start({ containerId: id }, context);
      const { process } = await services.tasks.get({ containerId: id }, context);
      expect(process?.status).toBe(TaskStatus.RUNNING);
      expect(await client.exec(id, ["sh", "-c", "exit 3"])).toBe(3);
      await waitUntil("the old shim and keeper have ended", () => {
        const now = links(sandbox);
        return old.every((pid) => !now.includes(pid));
      });
      await client.remove(id, true);
    },
    LIMIT_MS,
  );
});

function links({ folder, tag }: Sandbox): number[] {
  return processesOf(folder, tag)
    .filter(({ command }) => LINKS.test(command))
    .map(({ pid }) => pid);
}
