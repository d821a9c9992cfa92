import { randomBytes } from "node:crypto";
import type { NetworkCreateBody, NetworkIpamBody } from "#wire/docker-api/types/network.ts";
import type { Daemon } from "../daemon.ts";
import { BRIDGE_OPTION } from "../network/cni_network.ts";
import { choosePool } from "../network/default_pools.ts";
import { hasInterface } from "../network/host_network.ts";
import type { IpamEntry, NetworkRecord } from "../network/network_record.ts";
import {
  addressText,
  contains,
  type Family,
  firstHost,
  overlaps,
  parseAddress,
  parseSubnet,
} from "../network/subnet.ts";
import { broken, conflict, forbidden, invalid, notFound, unsupported } from "../refusals.ts";
import { nowText } from "../wall_clock.ts";

const op = "create network";
const MAX_NAME = 255;
/** Linux's longest name of an interface. */
const MAX_INTERFACE = 15;
/** What an interface may be called, so that no path and no option is made of it. */
const INTERFACE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const RESERVED = ["bridge", "host", "none", "default", "nat"];
const OPTIONS = Object.values(BRIDGE_OPTION) as string[];

/** POST /networks/create */
export async function networkCreate(
  daemon: Daemon,
  body: NetworkCreateBody,
): Promise<{ Id: string; Warning: string }> {
  checkBody(daemon, body);
  const name = body.Name!;
  const { store } = daemon.networks;
  if (store.named(name)) throw conflict(op, `network with name ${name} already exists`);
  const id = randomBytes(32).toString("hex");
  const record: NetworkRecord = {
    version: 1,
    id,
    name,
    created: nowText(),
    driver: "bridge",
    predefined: false,
    internal: body.Internal === true,
    attachable: body.Attachable === true,
    enableIpv6: body.EnableIPv6 === true,
    ipamOptions: body.IPAM?.Options ?? {},
    ipam: [],
    chosenSubnets: [],
    options: body.Options ?? {},
    labels: body.Labels ?? {},
    bridge: bridgeName(daemon, body, id),
  };
  completeIpam(daemon, record, body.IPAM?.Config ?? []);
  store.save(record);
  daemon.events.publish("network", "create", id, { name, type: record.driver });
  return { Id: id, Warning: "" };
}

function checkBody(daemon: Daemon, body: NetworkCreateBody): void {
  const name = body.Name ?? "";
  if (name.trim() === "") throw invalid(op, "network name cannot be empty");
  if (RESERVED.includes(name)) {
    throw forbidden(op, `operation is not permitted on predefined ${name} network`);
  }
  if (name.includes("\0") || name.length > MAX_NAME) {
    throw invalid(op, `invalid network name: ${JSON.stringify(name)}`);
  }
  const driver = body.Driver || "bridge";
  if (driver === "host" || driver === "null") {
    throw forbidden(op, `only one instance of ${JSON.stringify(driver)} network is allowed`);
  }
  if (driver !== "bridge") throw notFound(op, `plugin ${JSON.stringify(driver)} not found`);
  if (body.Ingress || body.ConfigOnly || body.ConfigFrom?.Network) {
    throw unsupported(
      op,
      "ingress and config-only networks need a swarm, and this node is in none",
    );
  }
  if (body.Scope && body.Scope !== "local") {
    throw forbidden(op, `This node is not a swarm manager: there is no scope ${body.Scope}`);
  }
  if (body.EnableIPv4 === false)
    throw invalid(op, "EnableIPv4: networks of IPv6 alone are not made");
  const ipam = body.IPAM?.Driver || "default";
  if (ipam !== "default") throw invalid(op, `invalid ipam driver: ${JSON.stringify(ipam)}`);
  for (const key of Object.keys(body.Options ?? {})) {
    if (key.startsWith("com.docker.network.") && !OPTIONS.includes(key)) {
      throw invalid(op, `network option ${key} is not supported`);
    }
  }
  if (body.Options?.[BRIDGE_OPTION.icc] === "false") {
    throw invalid(op, `network option ${BRIDGE_OPTION.icc}=false is not supported`);
  }
  const mtu = body.Options?.[BRIDGE_OPTION.mtu];
  if (mtu !== undefined && !/^[0-9]{1,5}$/.test(mtu)) {
    throw invalid(op, `invalid MTU: ${JSON.stringify(mtu)}`);
  }
  const binding = body.Options?.[BRIDGE_OPTION.hostBinding];
  if (binding !== undefined && parseAddress(binding)?.family !== 4) {
    throw invalid(op, `invalid IPv4 address: ${JSON.stringify(binding)}`);
  }
  const { missing } = daemon.networks;
  if (missing) throw unsupported(op, `bridge networks are not there: ${missing}`);
}

function bridgeName(daemon: Daemon, body: NetworkCreateBody, id: string): string {
  const wanted = body.Options?.[BRIDGE_OPTION.name];
  if (!wanted) return `br-${id.slice(0, 12)}`;
  if (!INTERFACE.test(wanted) || wanted.length > MAX_INTERFACE) {
    throw invalid(op, `invalid name of a bridge: ${JSON.stringify(wanted)}`);
  }
  const other = daemon.networks.store.all().find((record) => record.bridge === wanted);
  if (other) {
    throw forbidden(
      op,
      `cannot create network with bridge ${wanted}: conflicts with network ${other.id} ` +
        `(${wanted}): networks have same bridge name`,
    );
  }
  if (hasInterface(wanted)) throw forbidden(op, `interface ${wanted} exists already`);
  return wanted;
}

/** Takes what was given, and chooses a subnet for each family that has none. */
function completeIpam(
  daemon: Daemon,
  record: NetworkRecord,
  given: NonNullable<NetworkIpamBody["Config"]>,
): void {
  const entries = given.map(readEntry).filter((entry) => entry.Subnet !== undefined);
  const others = daemon.networks.networkSubnets();
  const families = new Set<Family>();
  for (const entry of entries) {
    const subnet = parseSubnet(entry.Subnet!)!;
    if (families.has(subnet.family)) {
      throw invalid(op, "bridge driver doesn't support more than one subnet of a family");
    }
    if (others.some((other) => overlaps(subnet, other))) {
      throw forbidden(op, "Pool overlaps with other one on this address space");
    }
    families.add(subnet.family);
  }
  if (families.has(6) && !record.enableIpv6) {
    throw invalid(op, "an IPv6 subnet was given, but IPv6 is not enabled for the network");
  }
  const wanted: Family[] = record.enableIpv6 ? [4, 6] : [4];
  for (const family of wanted) {
    if (families.has(family)) continue;
    const chosen = choosePool(family, record.id, daemon.networks.takenSubnets());
    if (!chosen) {
      throw broken(
        op,
        `could not find an available, non-overlapping IPv${family} address pool among the ` +
          "defaults to assign to the network",
      );
    }
    const entry = { Subnet: chosen, Gateway: addressText(firstHost(parseSubnet(chosen)!)) };
    if (family === 4) entries.unshift(entry);
    else entries.push(entry);
    record.chosenSubnets.push(family);
  }
  record.ipam = entries;
}

function readEntry(given: NonNullable<NetworkIpamBody["Config"]>[number]): IpamEntry {
  const { Subnet, IPRange, Gateway, AuxiliaryAddresses } = given ?? {};
  if (!Subnet) {
    if (IPRange || Gateway) {
      throw invalid(op, "every ip-range or gateway must have a corresponding subnet");
    }
    return {};
  }
  const subnet = parseSubnet(Subnet);
  if (!subnet) throw invalid(op, `Invalid subnet ${Subnet} : invalid CIDR address: ${Subnet}`);
  const inside = (text: string, what: string) => {
    const address = parseAddress(text);
    if (!address || !contains(subnet, address)) {
      throw invalid(op, `no matching subnet for ${what} ${text}`);
    }
  };
  if (Gateway) inside(Gateway, "gateway");
  for (const text of Object.values(AuxiliaryAddresses ?? {})) inside(text, "aux-address");
  if (IPRange) {
    const range = parseSubnet(IPRange);
    if (!range) throw invalid(op, `Invalid range ${IPRange}`);
    inside(addressText({ family: range.family, value: range.base }), "range");
  }
  return {
    Subnet,
    ...(IPRange ? { IPRange } : {}),
    ...(Gateway ? { Gateway } : {}),
    ...(AuxiliaryAddresses && Object.keys(AuxiliaryAddresses).length > 0
      ? { AuxiliaryAddresses }
      : {}),
  };
}
