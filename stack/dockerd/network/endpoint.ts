import type { CniResult } from "#lib/cni/cni_plugin.ts";
import type { EndpointIpam, PortMap } from "#wire/docker-api/types/container_config.ts";
import type { NameServerPorts } from "./name_server.ts";

/** What a container asked of one of its networks; kept over its runs. */
export interface EndpointWish {
  IPAMConfig: EndpointIpam | null;
  Links: string[] | null;
  Aliases: string[] | null;
  MacAddress: string;
  DriverOpts: Record<string, string> | null;
  GwPriority: number;
}

/** Where a running container is on a network. Empty texts and zeros where it has none. */
export interface LiveEndpoint {
  endpointId: string;
  /** `eth0`, `eth1`, … inside the container; empty on networks without an interface. */
  ifname: string;
  mac: string;
  address: string;
  prefix: number;
  gateway: string;
  address6: string;
  prefix6: number;
  gateway6: string;
  /** What CNI answered; its deletion needs it. Absent while ADD runs, or after a crash in it. */
  result?: CniResult;
  /** Ports that the plugins of this endpoint publish. */
  ports: PublishedPort[];
}

/** One published port, with the numbers that were chosen. */
export interface PublishedPort {
  protocol: "tcp" | "udp" | "sctp";
  containerPort: number;
  hostPort: number;
  /** Empty: every address of the host. */
  hostIp: string;
}

/** A container on a network. */
export interface EndpointRecord {
  /** Empty until the container has first been started on it. */
  networkId: string;
  wish: EndpointWish;
  live?: LiveEndpoint;
}

/** The network namespace of a container's present run, or of its last. */
export interface SandboxRecord {
  id: string;
  /** Path of the namespace; empty where the runtime makes it (network none). */
  key: string;
  /** Of the present run. */
  ports: PortMap;
  /** Where the container's name server listens, while it has one. */
  nameServer?: NameServerPorts;
}

export const emptyWish = (): EndpointWish => ({
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: "",
  DriverOpts: null,
  GwPriority: 0,
});
