import { afterAll, describe, expect, test } from "bun:test";
import { TaskStatus } from "#wire/task-ttrpc/task_service.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { busyboxImageArchive } from "../lib/busybox_image.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { ContainerdClient } from "../lib/containerd_client.ts";
import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";

// Two containerds, the genuine one and ours, in one namespace: the runtime's state is then shared.
// A container that the one refuses because the other has it must not be cleaned up.

const LIMIT_MS = 120_000;
const SLEEP = ["sleep", "100000"];
const RUNTIME = "io.containerd.catena.v2";
const reason = reasonToSkip(["genuine containerd", "catena containerd", "catena shim"]);

describe(
  reason ? `a namespace of two containerds [skipped: ${reason}]` : "a namespace of two",
  () => {
    const sandbox = new Sandbox();
    afterAll(() => sandbox.close(), LIMIT_MS);

    test.skipIf(reason !== undefined)(
      "the container of the one outlives the failed create of the other",
      async () => {
        const archive = await busyboxImageArchive(sandbox);
        const genuine = await startGenuineContainerd(sandbox);
        const ours = await startCatenaContainerd(sandbox);
        const clients = [genuine, ours].map((one) => new ContainerdClient(sandbox, one, RUNTIME));
        for (const client of clients) await client.prepare(archive);
        for (const [index, id] of ["ofGenuine", "ofOurs"].entries()) {
          const owner = clients[index]!;
          const other = clients[1 - index]!;
          await owner.run(SLEEP, { id });
          await expect(other.run(SLEEP, { id })).rejects.toThrow(/already exists/);
          const { process } = await owner.services.tasks.get({ containerId: id }, owner.context);
          expect(process?.status).toBe(TaskStatus.RUNNING);
          expect(await owner.exec(id, ["sh", "-c", "exit 5"])).toBe(5);
        }
      },
      LIMIT_MS,
    );
  },
);
