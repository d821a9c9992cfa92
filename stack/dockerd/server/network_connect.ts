import { toChainError } from "#lib/errors/chain_error.ts";
import type { EndpointSettings } from "#wire/docker-api/types/container_config.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { chooseEndpoint } from "../network/address_choice.ts";
import { setDefaultRoute } from "../network/bridge_interface.ts";
import type { EndpointRecord } from "../network/endpoint.ts";
import { attach, detach } from "../network/endpoint_attach.ts";
import { checkTogether, checkWish, readWish } from "../network/endpoint_wish.ts";
import { refreshNetworkFiles } from "../network/network_names.ts";
import type { NetworkRecord } from "../network/network_record.ts";
import { publishPorts } from "../network/port_publish.ts";
import { completeAliases, gatewayNetwork, openNameServer } from "../network/sandbox.ts";
import { conflict, forbidden, invalid } from "../refusals.ts";

/** POST /networks/ID/connect */
export async function networkConnect(
  daemon: Daemon,
  ref: string,
  containerRef: string,
  settings: EndpointSettings | null,
): Promise<void> {
  const op = "connect network";
  const container = daemon.find(containerRef);
  await container.lock.run(async () => {
    const network = daemon.networks.store.find(ref);
    const { record } = container;
    if (container.removing || record.state.dead) {
      throw conflict(
        op,
        `container ${container.id} is marked for removal and cannot be connected to networks`,
      );
    }
    record.networks ??= {};
    const { networks } = record;
    if (Object.hasOwn(networks, network.name)) {
      throw forbidden(
        op,
        `endpoint with name ${record.name} already exists in network ${network.name}`,
      );
    }
    checkTogether(container, network);
    const endpoint: EndpointRecord = { networkId: "", wish: readWish(settings) };
    checkWish(network, endpoint.wish);
    if (record.state.running && !record.state.restarting) {
      await connectRunning(daemon, container, network, endpoint);
    } else {
      completeAliases(container, network, endpoint);
      networks[network.name] = endpoint;
    }
    container.save();
  });
}

async function connectRunning(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): Promise<void> {
  const networks = container.record.networks!;
  const before = gatewayOf(daemon, container);
  completeAliases(container, network, endpoint);
  endpoint.networkId = network.id;
  endpoint.live = chooseEndpoint(daemon, container, network, endpoint.wish);
  networks[network.name] = endpoint;
  // On disk before anything is done: a daemon that dies meanwhile takes it down later.
  container.save();
  try {
    await attach(daemon, container, network, endpoint, !before);
    if (!before && gatewayOf(daemon, container) === endpoint) {
      await publishPorts(daemon, container, network, endpoint);
    }
    await openNameServer(daemon, container);
    refreshNetworkFiles(daemon, container);
    await moveDefaultRoute(daemon, container, before);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", "connect network");
    await detach(daemon, container, network, endpoint).catch((failed: unknown) => {
      error.cleanup ??= toChainError(failed, "dockerd", "disconnect network");
    });
    delete networks[network.name];
    container.save();
    throw error;
  }
}

/** POST /networks/ID/disconnect */
export async function networkDisconnect(
  daemon: Daemon,
  ref: string,
  containerRef: string,
  force: boolean,
): Promise<void> {
  const op = "disconnect network";
  const container = daemon.find(containerRef);
  await container.lock.run(async () => {
    const network = daemon.networks.store.find(ref);
    const networks = container.record.networks ?? {};
    const endpoint = Object.hasOwn(networks, network.name) ? networks[network.name] : undefined;
    if (network.driver === "host") {
      throw invalid(
        op,
        "container cannot be disconnected from host network or connected to host network",
      );
    }
    if (!endpoint) {
      throw forbidden(op, `container ${container.id} is not connected to network ${network.name}`);
    }
    const before = gatewayOf(daemon, container);
    try {
      await detach(daemon, container, network, endpoint);
    } catch (error) {
      if (!force) throw error;
      daemon.log.warn("network was left by force", {
        container: container.id,
        error: String(error),
      });
    }
    if (endpoint.live) {
      const { ports } = endpoint.live;
      daemon.networks.ports.release(container.id, ports);
      if (ports.length > 0) container.record.sandbox!.ports = {};
    }
    delete networks[network.name];
    container.save();
    if (!endpoint.live) return;
    refreshNetworkFiles(daemon, container);
    await moveDefaultRoute(daemon, container, before);
  });
}

/** The endpoint that a running container's default route should lead to. */
function gatewayOf(daemon: Daemon, container: Container): EndpointRecord | undefined {
  const live = Object.entries(container.record.networks ?? {})
    .filter(([, endpoint]) => endpoint.live?.ifname)
    .map(([name, endpoint]): [NetworkRecord, EndpointRecord] => [
      daemon.networks.store.find(name),
      endpoint,
    ]);
  return gatewayNetwork(live)?.[1];
}

async function moveDefaultRoute(
  daemon: Daemon,
  container: Container,
  before: EndpointRecord | undefined,
): Promise<void> {
  const now = gatewayOf(daemon, container);
  const key = container.record.sandbox?.key;
  if (!now?.live || now === before || !key) return;
  await setDefaultRoute(key, now.live.gateway);
  if (now.live.gateway6) await setDefaultRoute(key, now.live.gateway6);
}
