import type { EndpointSettings, PortMap } from "#wire/docker-api/types/container_config.ts";
import type { NetworkSettingsView, PortView } from "#wire/docker-api/types/container_view.ts";
import type { NetworkContainer, NetworkView } from "#wire/docker-api/types/network.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import type { EndpointRecord } from "./endpoint.ts";
import { endpointNames } from "./name_table.ts";
import { isUserDefined, type NetworkRecord } from "./network_record.ts";
import { parsePortKey } from "./port_wish.ts";

/** True when a container is on a network by this name; what `--filter network=` asks. */
export function isOnNetwork(daemon: Daemon, container: Container, ref: string): boolean {
  return Object.keys(container.record.networks ?? {}).some(
    (name) => name === ref || daemon.networks.store.named(name)?.id === ref,
  );
}

/** `NetworkSettings.Networks` */
export function endpointViews(
  daemon: Daemon,
  container: Container,
): Record<string, EndpointSettings> {
  const entries = Object.entries(container.record.networks ?? {}).map(([name, endpoint]) => [
    name,
    endpointView(daemon.networks.store.named(name), container, endpoint),
  ]);
  return Object.fromEntries(entries);
}

function endpointView(
  network: NetworkRecord | undefined,
  container: Container,
  { wish, networkId, live }: EndpointRecord,
): EndpointSettings {
  return {
    IPAMConfig: wish.IPAMConfig,
    Links: wish.Links,
    Aliases: wish.Aliases,
    MacAddress: live?.mac ?? "",
    DriverOpts: wish.DriverOpts,
    GwPriority: wish.GwPriority,
    NetworkID: networkId,
    EndpointID: live?.endpointId ?? "",
    Gateway: live?.gateway ?? "",
    IPAddress: live?.address ?? "",
    IPPrefixLen: live?.prefix ?? 0,
    IPv6Gateway: live?.gateway6 ?? "",
    GlobalIPv6Address: live?.address6 ?? "",
    GlobalIPv6PrefixLen: live?.prefix6 ?? 0,
    DNSNames:
      network && live && isUserDefined(network)
        ? endpointNames(container, { wish, networkId, live })
        : null,
  };
}

/** Exposed ports, with where they are published while the container runs. */
function portMap(container: Container): PortMap {
  const { config, networks = {}, sandbox, state } = container.record;
  if (!state.running || networks["host"] || !sandbox) return {};
  const map: PortMap = {};
  for (const key of Object.keys(config.ExposedPorts ?? {})) {
    map[key.includes("/") ? key : `${key}/tcp`] = null;
  }
  Object.assign(map, sandbox.ports);
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `NetworkSettings` of inspect: the old fields at its top speak of the default network. */
export function networkSettings(daemon: Daemon, container: Container): NetworkSettingsView {
  const { record } = container;
  const { networks = {}, sandbox, state } = record;
  const bridge = networks["bridge"]?.live;
  const shares = record.hostConfig.NetworkMode?.startsWith("container:");
  const ownByRuntime = sandbox?.key === "" && state.pid > 0;
  return {
    Bridge: "",
    SandboxID: shares ? "" : (sandbox?.id ?? ""),
    SandboxKey: shares ? "" : ownByRuntime ? `/proc/${state.pid}/ns/net` : (sandbox?.key ?? ""),
    Ports: portMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.endpointId ?? "",
    Gateway: bridge?.gateway ?? "",
    GlobalIPv6Address: bridge?.address6 ?? "",
    GlobalIPv6PrefixLen: bridge?.prefix6 ?? 0,
    IPAddress: bridge?.address ?? "",
    IPPrefixLen: bridge?.prefix ?? 0,
    IPv6Gateway: bridge?.gateway6 ?? "",
    MacAddress: bridge?.mac ?? "",
    Networks: endpointViews(daemon, container),
  };
}

/** The ports of `ps`. */
export function portViews(container: Container): PortView[] {
  const out: PortView[] = [];
  for (const [key, bindings] of Object.entries(portMap(container))) {
    const { first, protocol } = parsePortKey(key);
    if (!bindings) out.push({ PrivatePort: first, Type: protocol });
    for (const { HostIp, HostPort } of bindings ?? []) {
      out.push({
        IP: HostIp ?? "",
        PrivatePort: first,
        PublicPort: Number(HostPort),
        Type: protocol,
      });
    }
  }
  return out;
}

/** What `network ls` and `network inspect` show of a network. */
export function networkView(daemon: Daemon, record: NetworkRecord): NetworkView {
  const containers: Record<string, NetworkContainer> = {};
  for (const container of daemon.containers.all()) {
    const live = container.record.networks?.[record.name]?.live;
    if (!live) continue;
    containers[container.id] = {
      Name: container.record.name,
      EndpointID: live.endpointId,
      MacAddress: live.mac,
      IPv4Address: live.address ? `${live.address}/${live.prefix}` : "",
      IPv6Address: live.address6 ? `${live.address6}/${live.prefix6}` : "",
    };
  }
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: "local",
    Driver: record.driver,
    EnableIPv4: true,
    EnableIPv6: record.enableIpv6,
    IPAM: { Driver: "default", Options: record.ipamOptions, Config: record.ipam },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: containers,
    Options: record.options,
    Labels: record.labels,
  };
}
