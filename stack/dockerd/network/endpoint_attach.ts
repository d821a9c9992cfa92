import { existsSync } from "node:fs";
import { addToCni, deleteFromCni } from "#lib/cni/cni_chain.ts";
import type { CniTarget } from "#lib/cni/cni_plugin.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { cniNetwork, presumedResult, runtimeConfigOf } from "./cni_network.ts";
import type { EndpointRecord, LiveEndpoint } from "./endpoint.ts";
import type { NetworkRecord } from "./network_record.ts";
import type { Networks } from "./networks.ts";

const op = "set up network";

/** Whom CNI plugins work for. */
export const target = (container: Container, ifname: string): CniTarget => ({
  caller: "dockerd",
  containerId: container.id,
  netns: container.record.sandbox?.key ?? "",
  ifname,
});

function choices(networks: Networks, { ports }: LiveEndpoint, defaultRoute: boolean) {
  const { addressFolder, filter } = networks;
  return { addressFolder, ports: filter && ports.length > 0, defaultRoute };
}

/** Puts a container on one bridge network, as its endpoint's record says. */
export async function attach(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  endpoint: EndpointRecord,
  defaultRoute: boolean,
): Promise<void> {
  const live = endpoint.live!;
  const config = cniNetwork(network, choices(daemon.networks, live, defaultRoute));
  try {
    const { filter, rules } = daemon.networks;
    const folder = daemon.networks.cniFolder!;
    const ready = filter ? rules.ensure(folder, network) : Promise.resolve();
    // A failure of theirs is told below; until then it is nobody's.
    ready.catch(() => undefined);
    live.result = await addToCni(
      folder,
      config,
      target(container, live.ifname),
      runtimeConfigOf(live),
    );
    await ready;
  } catch (error) {
    throw toChainError(error, "dockerd", op).wrap({
      layer: "dockerd",
      op,
      code: "internal",
      message: `failed to create endpoint ${container.record.name} on network ${network.name}`,
    });
  }
  announce(daemon, container, network, "connect");
}

/** Takes a container off one bridge network. The caller forgets `live`. */
export async function detach(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): Promise<void> {
  const { live } = endpoint;
  if (!live) return;
  await deleteEndpoint(daemon.networks, network, live, target(container, live.ifname));
  announce(daemon, container, network, "disconnect");
}

/** Has CNI's plugins take an endpoint down; one without an interface has nothing there. */
export async function deleteEndpoint(
  networks: Networks,
  network: NetworkRecord,
  live: LiveEndpoint,
  where: CniTarget,
): Promise<void> {
  if (!live.ifname || !networks.cniFolder) return;
  const netns = existsSync(where.netns) ? where.netns : "";
  await deleteFromCni(
    networks.cniFolder,
    cniNetwork(network, choices(networks, live, false)),
    { ...where, netns },
    runtimeConfigOf(live),
    live.result ?? presumedResult(live, netns),
  );
}

/** An event of a network, in dockerd's words. */
export function announce(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  action: "connect" | "disconnect",
): void {
  daemon.events.publish("network", action, network.id, {
    container: container.id,
    name: network.name,
    type: network.driver,
  });
}
