import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findCniFolder } from "#lib/cni/cni_plugin.ts";
import type { Log } from "#lib/log/log.ts";
import { invalid } from "../refusals.ts";
import { nowText } from "../wall_clock.ts";
import { BRIDGE_OPTION } from "./cni_network.ts";
import { choosePool } from "./default_pools.ts";
import { hasInterface, hostSubnets } from "./host_network.ts";
import type { NameServer } from "./name_server.ts";
import { type NetworkRecord, poolsOf } from "./network_record.ts";
import { NetworkRules } from "./network_rules.ts";
import { NetworkStore } from "./network_store.ts";
import { PortTable } from "./port_table.ts";
import { addressText, firstHost, parseSubnet, type Subnet, subnetText } from "./subnet.ts";

/** Networks that every daemon has, and their drivers. */
const PREDEFINED = { bridge: "bridge", host: "host", none: "null" } as const;
/** The plugins without which there are no bridge networks. */
const PLUGINS = ["bridge", "host-local", "loopback"];
const FILTER_PLUGINS = ["portmap", "firewall"];
const IPTABLES = ["/usr/sbin/iptables", "/sbin/iptables", "/usr/bin/iptables"];
/** A bridge of that name is Docker's: where there is one already, ours has another name. */
export const OWN_DEFAULT_BRIDGE = "catena0";
const BRIDGE_NAMES = ["docker0", OWN_DEFAULT_BRIDGE] as const;

export interface NetworksOptions {
  root: string;
  state: string;
  /** `none`: no bridge networks at all. Else the name of the default network's bridge. */
  bridge?: string;
  /** False: the host's packet filter is not touched. */
  iptables?: boolean;
  /** Address and prefix of the default network's bridge (`--bip`). */
  bip?: string;
  /** Where the CNI plugins lie, when not in a usual folder. */
  cniFolder?: string;
  mtu?: number;
}

/** The default network of `--bip`: its bridge has that address. */
function bipEntries(bip: string): NetworkRecord["ipam"] {
  const subnet = parseSubnet(bip);
  if (!subnet) throw invalid("set up default network", `invalid CIDR address: ${bip}`);
  return [{ Subnet: subnetText(subnet), Gateway: bip.split("/")[0]! }];
}

/** The networks of this daemon: their records, what holds ports and answers names. */
export class Networks {
  readonly store: NetworkStore;
  readonly ports = new PortTable();
  readonly rules = new NetworkRules();
  /** By container id. */
  readonly nameServers = new Map<string, NameServer>();
  /** Folder of the CNI plugins; undefined: there are no bridge networks here. */
  readonly cniFolder: string | undefined;
  /** The packet filter may be used: published ports, NAT, networks kept apart. */
  readonly filter: boolean;
  /** Why bridge networks, or the packet filter, are not there. */
  readonly missing: string | undefined;
  readonly #options: NetworksOptions;

  constructor(options: NetworksOptions, log: Log) {
    this.#options = options;
    this.store = new NetworkStore(options.root);
    this.store.load(log);
    const found = findCniFolder(PLUGINS, options.cniFolder ? [options.cniFolder] : undefined);
    this.cniFolder = options.bridge === "none" ? undefined : found;
    const canFilter =
      FILTER_PLUGINS.every((name) => existsSync(join(found ?? "", name))) &&
      IPTABLES.some((path) => existsSync(path));
    this.filter = options.iptables !== false && canFilter;
    this.missing =
      options.bridge === "none"
        ? "the daemon was started with --bridge=none"
        : found
          ? undefined
          : "no CNI plugins are installed (Debian: containernetworking-plugins)";
    if (this.cniFolder && options.iptables !== false && !canFilter) {
      log.warn("no NAT, no published ports: iptables or CNI's portmap and firewall are missing");
    }
    this.#ensurePredefined();
  }

  get addressFolder(): string {
    return join(this.#options.state, "cni");
  }

  /** Folder of the mounts that keep containers' network namespaces. */
  get namespaceFolder(): string {
    return join(this.#options.state, "netns");
  }

  #ensurePredefined(): void {
    for (const [name, driver] of Object.entries(PREDEFINED)) {
      const known = this.store.named(name);
      const ready = known && (driver !== "bridge" || known.ipam.length > 0 || !this.cniFolder);
      if (ready) {
        if (driver === "bridge" && this.cniFolder) this.#followFlags(known);
        continue;
      }
      const record: NetworkRecord = {
        version: 1,
        id: known?.id ?? randomBytes(32).toString("hex"),
        name,
        created: known?.created ?? nowText(),
        driver,
        predefined: true,
        internal: false,
        attachable: false,
        enableIpv6: false,
        ipamOptions: null,
        ipam: [],
        chosenSubnets: [],
        options: {},
        labels: {},
        bridge: "",
      };
      if (driver === "bridge" && this.cniFolder) this.#completeBridge(record);
      this.store.save(record);
    }
  }

  /** Flags of this start change a default network of an earlier one. */
  #followFlags(record: NetworkRecord): void {
    const { bip, bridge, mtu } = this.#options;
    if (bridge) record.bridge = bridge;
    if (mtu) record.options[BRIDGE_OPTION.mtu] = String(mtu);
    if (bip) record.ipam = bipEntries(bip);
    record.options[BRIDGE_OPTION.name] = record.bridge;
    this.store.save(record);
  }

  #completeBridge(record: NetworkRecord): void {
    const { bip, bridge, mtu } = this.#options;
    record.bridge = bridge || (BRIDGE_NAMES.find((name) => !hasInterface(name)) ?? BRIDGE_NAMES[0]);
    const chosen = choosePool(4, record.id, this.takenSubnets());
    const parsed = parseSubnet(chosen ?? "");
    if (bip) record.ipam = bipEntries(bip);
    else if (parsed) {
      const gateway = addressText(firstHost(parsed));
      record.ipam = [
        {
          Subnet: `${addressText({ ...parsed, value: parsed.base })}/${parsed.bits}`,
          Gateway: gateway,
        },
      ];
    }
    record.options = {
      [BRIDGE_OPTION.defaultBridge]: "true",
      [BRIDGE_OPTION.icc]: "true",
      [BRIDGE_OPTION.masquerade]: "true",
      [BRIDGE_OPTION.hostBinding]: "0.0.0.0",
      [BRIDGE_OPTION.name]: record.bridge,
      [BRIDGE_OPTION.mtu]: String(mtu ?? 1500),
    };
  }

  /** Subnets that no new network may overlap: other networks', and the host's own. */
  takenSubnets(): Subnet[] {
    return [...this.networkSubnets(), ...hostSubnets()];
  }

  networkSubnets(): Subnet[] {
    return this.store.all().flatMap((record) => poolsOf(record).map(({ subnet }) => subnet));
  }

  /** What is held in this process: sockets only. Containers keep their networks. */
  close(): void {
    for (const server of this.nameServers.values()) server.close();
    this.nameServers.clear();
    this.ports.releaseAll();
  }
}
