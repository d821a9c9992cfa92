import type { CniNetwork, CniPluginConfig, RuntimeConfig } from "#lib/cni/cni_chain.ts";
import type { CniResult } from "#lib/cni/cni_plugin.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import { type NetworkRecord, poolsOf } from "./network_record.ts";
import { subnetText } from "./subnet.ts";

/** Options of the bridge driver, by dockerd's names. */
export const BRIDGE_OPTION = {
  name: "com.docker.network.bridge.name",
  mtu: "com.docker.network.driver.mtu",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  icc: "com.docker.network.bridge.enable_icc",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  defaultBridge: "com.docker.network.bridge.default_bridge",
} as const;

export interface CniChoices {
  /** Folder where host-local keeps who has which address. */
  addressFolder: string;
  /** The endpoint has published ports: the packet filter is to lead them to it. */
  ports: boolean;
  /** True for the one network of a container that its default route leads to. */
  defaultRoute: boolean;
}

/** The name of a network among CNI's, and of its folder of addresses. */
export const cniName = (record: NetworkRecord) => `catena-${record.id.slice(0, 12)}`;

/**
 * The chain of plugins for a bridge network: the bridge with its addresses, then published ports.
 * The rules that let a network's traffic through and keep other networks' away are those of the
 * network (`network_rules.ts`).
 */
export function cniNetwork(record: NetworkRecord, choices: CniChoices): CniNetwork {
  const mtu = Number(record.options[BRIDGE_OPTION.mtu] ?? 0);
  const bridge: CniPluginConfig = {
    type: "bridge",
    bridge: record.bridge,
    isGateway: true,
    isDefaultGateway: choices.defaultRoute && !record.internal,
    ipMasq: false,
    // A container may reach itself by its published port.
    hairpinMode: true,
    ...(mtu > 0 ? { mtu } : {}),
    ipam: {
      type: "host-local",
      dataDir: choices.addressFolder,
      ranges: poolsOf(record).map(({ subnet, gateway }) => [
        { subnet: subnetText(subnet), gateway },
      ]),
    },
    capabilities: { mac: true, ips: true },
  };
  const plugins = [bridge];
  if (choices.ports) {
    plugins.push({
      type: "portmap",
      snat: true,
      // Nothing leads from ::1 to another interface: the daemon itself carries those.
      conditionsV6: ["!", "-d", "::1/128"],
      capabilities: { portMappings: true },
    });
  }
  return { cniVersion: "1.0.0", name: cniName(record), plugins };
}

/**
 * What ADD would have answered, for the deletion of one that nobody heard the end of.
 */
export function presumedResult(endpoint: LiveEndpoint, sandbox: string): CniResult {
  const { address, prefix, gateway, address6, prefix6, gateway6, ifname, mac } = endpoint;
  const ip = (text: string, bits: number, gate: string) => ({
    address: `${text}/${bits}`,
    interface: 0,
    ...(gate ? { gateway: gate } : {}),
  });
  return {
    cniVersion: "1.0.0",
    interfaces: [{ name: ifname, mac, sandbox }],
    ips: [
      ...(address ? [ip(address, prefix, gateway)] : []),
      ...(address6 ? [ip(address6, prefix6, gateway6)] : []),
    ],
  };
}

/** What the plugins are told of one endpoint: the address chosen for it, its MAC, its ports. */
export function runtimeConfigOf(endpoint: LiveEndpoint): RuntimeConfig {
  const { address, prefix, address6, prefix6, mac, ports } = endpoint;
  const ips = [
    ...(address ? [`${address}/${prefix}`] : []),
    ...(address6 ? [`${address6}/${prefix6}`] : []),
  ];
  return {
    ips,
    ...(mac ? { mac } : {}),
    ...(ports.length > 0
      ? {
          portMappings: ports.map(({ protocol, containerPort, hostPort, hostIp }) => ({
            protocol,
            containerPort,
            hostPort,
            ...(hostIp && hostIp !== "0.0.0.0" ? { hostIP: hostIp } : {}),
          })),
        }
      : {}),
  };
}
