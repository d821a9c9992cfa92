import type { Family, Subnet } from "./subnet.ts";
import { addressText, contains, firstHost, parseAddress, parseSubnet } from "./subnet.ts";

/** One entry of a network's IPAM as its creator gave it, or as it was chosen. */
export interface IpamEntry {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** A network as it is kept on disk. */
export interface NetworkRecord {
  version: 1;
  id: string;
  name: string;
  created: string;
  driver: "bridge" | "host" | "null";
  /** The three that every daemon has. */
  predefined: boolean;
  internal: boolean;
  attachable: boolean;
  enableIpv6: boolean;
  ipamOptions: Record<string, string> | null;
  ipam: IpamEntry[];
  /** Families whose subnet the daemon chose: containers cannot ask for an address there. */
  chosenSubnets: Family[];
  options: Record<string, string>;
  labels: Record<string, string>;
  /** Name of the bridge on the host; empty where there is none. */
  bridge: string;
}

/** Where a network's addresses come from. */
export interface AddressPool {
  family: Family;
  subnet: Subnet;
  /** The part that addresses are chosen from. */
  range: Subnet;
  gateway: string;
  /** Set aside by the creator of the network. */
  reserved: string[];
}

/** The pools of a network, IPv4 first. */
export function poolsOf(record: NetworkRecord): AddressPool[] {
  const pools: AddressPool[] = [];
  for (const entry of record.ipam) {
    const subnet = parseSubnet(entry.Subnet ?? "");
    if (!subnet) continue;
    const range = parseSubnet(entry.IPRange ?? "") ?? subnet;
    const gateway = entry.Gateway || addressText(firstHost(subnet));
    const reserved = Object.values(entry.AuxiliaryAddresses ?? {});
    pools.push({ family: subnet.family, subnet, range, gateway, reserved });
  }
  return pools.sort((a, b) => a.family - b.family);
}

/** The pool of a network that an address belongs to. */
export function poolOf(record: NetworkRecord, address: string): AddressPool | undefined {
  const parsed = parseAddress(address);
  return parsed && poolsOf(record).find(({ subnet }) => contains(subnet, parsed));
}

/** Names, aliases, addresses of one's own choice and DNS: networks that a user has made. */
export const isUserDefined = (record: NetworkRecord) =>
  record.driver === "bridge" && !record.predefined;
