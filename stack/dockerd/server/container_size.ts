import type { CallContext } from "#lib/rpc/service.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";

/** Bytes that a container wrote, and those with its image's. */
export async function containerSizes(
  daemon: Daemon,
  container: Container,
  context: CallContext,
): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const call = daemon.call(context);
  const { snapshotter, imageId } = container.record;
  const usage = await daemon.services.snapshots.usage({ snapshotter, key: container.id }, call);
  const written = Number(usage.size);
  const image = await daemon.images.find(imageId, call).catch(() => undefined);
  const base = image ? await daemon.images.size(image, call) : 0;
  return { SizeRw: written, SizeRootFs: base + written };
}
