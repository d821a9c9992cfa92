import { toChainError } from "#lib/errors/chain_error.ts";
import type { PortMap } from "#wire/docker-api/types/container_config.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { BRIDGE_OPTION } from "./cni_network.ts";
import type { EndpointRecord, PublishedPort } from "./endpoint.ts";
import type { NetworkRecord } from "./network_record.ts";
import { hostAddresses } from "./port_table.ts";
import { portWishes } from "./port_wish.ts";

const op = "publish ports";

/** Publishes what the container asks for at the endpoint that its default route leads to. */
export async function publishPorts(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): Promise<void> {
  const { hostConfig, config } = container.record;
  const exposed = Object.keys(config.ExposedPorts ?? {});
  const all = hostConfig.PublishAllPorts === true;
  const wishes = portWishes(hostConfig.PortBindings ?? {}, exposed, all);
  const binding = network.options[BRIDGE_OPTION.hostBinding] ?? "";
  // Every address is what an empty one means, with those of IPv6.
  for (const wish of wishes) if (binding !== "0.0.0.0") wish.hostIp ||= binding;
  const live = endpoint.live!;
  const shown: PortMap = {};
  try {
    for (const wish of wishes) {
      const port = await daemon.networks.ports.claim(
        container.id,
        wish,
        live.address || live.address6,
      );
      live.ports.push(port);
    }
  } catch (error) {
    throw toChainError(error, "dockerd", op).wrap({
      layer: "dockerd",
      op,
      code: "internal",
      message:
        "driver failed programming external connectivity on endpoint " +
        `${container.record.name} (${live.endpointId})`,
    });
  }
  for (const port of live.ports) addShown(shown, port);
  container.record.sandbox!.ports = shown;
  // Rules that are made for them are found by their numbers, also after a crash.
  if (live.ports.length > 0) container.save();
}

function addShown(shown: PortMap, port: PublishedPort): void {
  const key = `${port.containerPort}/${port.protocol}`;
  const list = shown[key] ?? [];
  shown[key] = list;
  for (const HostIp of hostAddresses(port.hostIp)) {
    list.push({ HostIp, HostPort: String(port.hostPort) });
  }
}
