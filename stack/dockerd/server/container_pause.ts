import type { CallContext } from "#lib/rpc/service.ts";
import type { Daemon } from "../daemon.ts";
import { probesEnd } from "../health/health_probe.ts";
import { broken, conflict } from "../refusals.ts";

/** POST /containers/ID/pause */
export async function containerPause(
  daemon: Daemon,
  ref: string,
  context: CallContext,
): Promise<void> {
  const container = daemon.find(ref);
  await container.lock.run(async () => {
    const { state } = container.record;
    const op = "pause container";
    if (!state.running) throw conflict(op, `container ${container.id} is not running`);
    if (state.paused) throw conflict(op, `Container ${container.id} is already paused`);
    if (state.restarting) {
      throw conflict(
        op,
        `Container ${container.id} is restarting, wait until the container is running`,
      );
    }
    await daemon.services.tasks.pause({ containerId: container.id }, daemon.call(context));
    state.paused = true;
    probesEnd(container);
    container.save();
    daemon.events.container(container, "pause");
  });
}

/** POST /containers/ID/unpause */
export async function containerUnpause(
  daemon: Daemon,
  ref: string,
  context: CallContext,
): Promise<void> {
  const container = daemon.find(ref);
  await container.lock.run(async () => {
    const { state } = container.record;
    if (!state.paused) throw broken("unpause container", `Container ${container.id} is not paused`);
    await daemon.services.tasks.resume({ containerId: container.id }, daemon.call(context));
    state.paused = false;
    container.save();
    daemon.events.container(container, "unpause");
  });
}
