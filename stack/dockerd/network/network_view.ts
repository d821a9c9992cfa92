import { createHash } from "node:crypto";
import type { EndpointSettings } from "#wire/docker-api/types/container_config.ts";
import type { NetworkView } from "#wire/docker-api/types/network.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { formatNs } from "../wall_clock.ts";

const DRIVERS: Record<string, string> = { bridge: "bridge", host: "host", none: "null" };

/** Ids of networks and endpoints: stable over restarts, different on every host folder. */
const stableId = (...parts: string[]) =>
  createHash("sha256").update(parts.join("\0")).digest("hex");

/** The id of one of this daemon's networks. */
export function networkId(daemon: Daemon, name: string): string {
  return stableId("network", daemon.options.root, name);
}

/** The name of the network that a container is on. */
export function networkOf(container: Container): string | undefined {
  const mode = container.record.hostConfig.NetworkMode ?? "default";
  if (mode.startsWith("container:")) return undefined;
  return mode === "default" ? "bridge" : mode;
}

/** `NetworkSettings.Networks` */
export function endpointViews(
  daemon: Daemon,
  container: Container,
): Record<string, EndpointSettings> {
  const name = networkOf(container);
  if (!name) return {};
  const running = container.record.state.running;
  return {
    [name]: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: "",
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: running ? networkId(daemon, name) : "",
      EndpointID: running ? stableId("endpoint", container.id, name) : "",
      Gateway: "",
      IPAddress: "",
      IPPrefixLen: 0,
      IPv6Gateway: "",
      GlobalIPv6Address: "",
      GlobalIPv6PrefixLen: 0,
      DNSNames: null,
    },
  };
}

/** What `network ls` and `network inspect` show of a predefined network. */
export function networkView(daemon: Daemon, name: string): NetworkView {
  const members = daemon.containers
    .all()
    .filter((container) => container.record.state.running && networkOf(container) === name);
  const containers = members.map((container) => [
    container.id,
    {
      Name: container.record.name,
      EndpointID: stableId("endpoint", container.id, name),
      MacAddress: "",
      IPv4Address: "",
      IPv6Address: "",
    },
  ]);
  return {
    Name: name,
    Id: networkId(daemon, name),
    Created: formatNs(BigInt(daemon.startedAt.getTime()) * 1_000_000n),
    Scope: "local",
    Driver: DRIVERS[name] ?? "null",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(containers),
    Options: {},
    Labels: {},
  };
}
