import type { CallContext } from "#lib/rpc/service.ts";
import type { GraphDriver } from "#wire/docker-api/types/container_view.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";

/** Folders of the container's layers, where the snapshotter is an overlay. */
export async function graphDriver(
  daemon: Daemon,
  container: Container,
  context: CallContext,
): Promise<GraphDriver> {
  const { snapshotter } = container.record;
  const value = await mountOptions(daemon, container, daemon.call(context));
  const upper = value("upperdir");
  if (!upper) return { Name: snapshotter, Data: null };
  return {
    Name: snapshotter,
    Data: {
      LowerDir: value("lowerdir") ?? "",
      MergedDir: daemon.mounts.path(container.id),
      UpperDir: upper,
      WorkDir: value("workdir") ?? "",
    },
  };
}

/** The folder that a container writes to; undefined where the snapshotter has none for it. */
export async function upperFolder(
  daemon: Daemon,
  container: Container,
  call: CallContext,
): Promise<string | undefined> {
  return (await mountOptions(daemon, container, call))("upperdir");
}

/** Reads options of the mount of a container's root: `name=value`. */
async function mountOptions(daemon: Daemon, { id, record }: Container, call: CallContext) {
  const { snapshotter } = record;
  const { mounts } = await daemon.services.snapshots.mounts({ snapshotter, key: id }, call);
  const options = mounts[0]?.options ?? [];
  return (name: string) =>
    options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}
