import type {
  ContainerConfig,
  EndpointSettings,
  HostConfig,
  NetworkingConfig,
} from "#wire/docker-api/types/container_config.ts";
import type { Container } from "../container/container.ts";
import { conflict, invalid } from "../refusals.ts";
import { type EndpointRecord, type EndpointWish, emptyWish } from "./endpoint.ts";
import { isUserDefined, type NetworkRecord, poolsOf } from "./network_record.ts";
import type { NetworkStore } from "./network_store.ts";
import { contains, parseAddress } from "./subnet.ts";

const op = "check network";
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** What a client asked of one network, checked as far as the network need not be known. */
export function readWish(given: EndpointSettings | null | undefined): EndpointWish {
  const wish = emptyWish();
  if (!given) return wish;
  const { IPv4Address, IPv6Address } = given.IPAMConfig ?? {};
  if (IPv4Address && parseAddress(IPv4Address)?.family !== 4) {
    throw invalid(op, `invalid IPv4 address: ${IPv4Address}`);
  }
  if (IPv6Address && parseAddress(IPv6Address)?.family !== 6) {
    throw invalid(op, `invalid IPv6 address: ${IPv6Address}`);
  }
  if (given.IPAMConfig?.LinkLocalIPs?.length) {
    throw invalid(op, "EndpointSettings.IPAMConfig.LinkLocalIPs: they are not supported");
  }
  if (given.MacAddress && !MAC.test(given.MacAddress)) {
    throw invalid(op, `invalid MAC address: ${given.MacAddress}`);
  }
  return {
    IPAMConfig: given.IPAMConfig ?? null,
    Links: given.Links ?? null,
    Aliases: given.Aliases ?? null,
    MacAddress: given.MacAddress ?? "",
    DriverOpts: given.DriverOpts ?? null,
    GwPriority: given.GwPriority ?? 0,
  };
}

/** The networks of a new container, by name, the one of its network mode first. */
export function endpointsOf(
  store: NetworkStore,
  host: HostConfig,
  networking: NetworkingConfig,
  config: ContainerConfig,
): Record<string, EndpointRecord> {
  const mode = host.NetworkMode || "default";
  if (mode.startsWith("container:")) return {};
  const nameOf = (ref: string) => {
    if (ref === "default") return "bridge";
    try {
      return store.find(ref).name;
    } catch {
      // Whether it is there is seen when the container is started: it may be made until then.
      return ref;
    }
  };
  const primary = nameOf(mode);
  const out: Record<string, EndpointRecord> = {
    [primary]: { networkId: "", wish: emptyWish() },
  };
  for (const [ref, given] of Object.entries(networking.EndpointsConfig ?? {})) {
    out[nameOf(ref)] = { networkId: "", wish: readWish(given) };
  }
  const wish = out[primary]!.wish;
  if (config.MacAddress) {
    if (!MAC.test(config.MacAddress)) {
      throw invalid(op, `invalid MAC address: ${config.MacAddress}`);
    }
    wish.MacAddress ||= config.MacAddress;
  }
  return out;
}

/** Checks what a container asks of a network that is there. Throws in dockerd's words. */
export function checkWish(network: NetworkRecord, wish: EndpointWish): void {
  const { IPv4Address, IPv6Address } = wish.IPAMConfig ?? {};
  const addresses = [IPv4Address, IPv6Address].filter((text) => text) as string[];
  if (!isUserDefined(network)) {
    if (addresses.length > 0) {
      throw invalid(op, "user specified IP address is supported on user defined networks only");
    }
    if (wish.Aliases?.length) {
      throw invalid(
        op,
        "network-scoped alias is supported only for containers in user defined networks",
      );
    }
    return;
  }
  for (const text of addresses) {
    const address = parseAddress(text)!;
    const pools = poolsOf(network).filter(({ family }) => family === address.family);
    if (network.chosenSubnets.includes(address.family) || pools.length === 0) {
      throw invalid(
        op,
        "user specified IP address is supported only when connecting to networks with user " +
          "configured subnets",
      );
    }
    if (!pools.some(({ subnet }) => contains(subnet, address))) {
      throw invalid(
        op,
        `Invalid address ${text}: It does not belong to any of this network's subnets`,
      );
    }
  }
}

/** Checks that a container may be on one more network. Throws in dockerd's words. */
export function checkTogether(container: Container, network: NetworkRecord): void {
  const { networks = {}, hostConfig } = container.record;
  const mode = hostConfig.NetworkMode ?? "";
  if (mode.startsWith("container:") || Object.hasOwn(networks, "host")) {
    throw conflict(
      op,
      "container sharing network namespace with another container or host cannot be connected " +
        "to any other network",
    );
  }
  if (network.driver === "host") {
    throw invalid(
      op,
      "container cannot be disconnected from host network or connected to host network",
    );
  }
  const names = Object.keys(networks);
  if (names.includes("none") || (network.driver === "null" && names.length > 0)) {
    throw conflict(
      op,
      "container cannot be connected to multiple networks with one of the networks in private " +
        "(none) mode",
    );
  }
}
