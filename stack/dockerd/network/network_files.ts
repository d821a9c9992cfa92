import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Container } from "../container/container.ts";
import { invalid } from "../refusals.ts";
import { NAME_SERVER } from "./name_server.ts";

const HOSTS = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

const DEFAULT_SERVERS = ["8.8.8.8", "8.8.4.4"];

function readHost(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The text of a container's /etc/hosts. */
export function hostsText(
  base: string | undefined,
  extra: readonly string[],
  known: readonly { address: string; names: string[] }[],
): string {
  const lines = base === undefined ? [...HOSTS] : [base.replace(/\n$/, "")];
  for (const entry of extra) {
    const { name, address } = parseExtraHost(entry);
    lines.push(`${address}\t${name}`);
  }
  for (const { address, names } of known) lines.push(`${address}\t${names.join(" ")}`);
  return `${lines.join("\n")}\n`;
}

/** `--add-host name:address` (or `name=address`). */
export function parseExtraHost(entry: string): { name: string; address: string } {
  const match = entry.match(/^([^:=]+)[:=](.+)$/);
  if (!match) throw invalid("check hosts", `bad format for add-host: ${JSON.stringify(entry)}`);
  const address = match[2]!.replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && isIP(address) === 0) {
    throw invalid("check hosts", `invalid IP address in add-host: ${JSON.stringify(match[2])}`);
  }
  return { name: match[1]!, address };
}

export interface DnsOptions {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

/**
 * The text of a container's /etc/resolv.conf. Name servers on the host's loopback cannot be reached
 * from another network namespace and are left out, unless the host's network is shared.
 */
export function resolvText(host: string, dns: DnsOptions, sharesHost: boolean): string {
  const of = (key: string) =>
    host
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([name]) => name === key)
      .map(([, ...values]) => values);
  let servers = [...dns.servers];
  if (servers.length === 0) {
    servers = of("nameserver").flat();
    if (!sharesHost) {
      servers = servers.filter((server) => !/^127\.|^::1$/.test(server));
      if (servers.length === 0) servers = DEFAULT_SERVERS;
    }
  }
  const search = dns.search.length > 0 ? [...dns.search] : (of("search").at(-1) ?? []);
  const options = dns.options.length > 0 ? [...dns.options] : of("options").flat();
  const lines = servers.map((server) => `nameserver ${server}`);
  // "." stands for "no search domain".
  if (search.length > 0 && search[0] !== ".") lines.push(`search ${search.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}

/** The same where the container's own name server answers: short names are asked as they are. */
export function ownResolvText(host: string, dns: DnsOptions): string {
  const options = dns.options.some((option) => option.startsWith("ndots:"))
    ? dns.options
    : [...dns.options, "ndots:0"];
  return resolvText(host, { ...dns, servers: [NAME_SERVER], options }, false);
}

/** The servers that a container's own name server asks: the container's, or the host's. */
export function resolverServers(own: readonly string[]): string[] {
  if (own.length > 0) return [...own];
  return [...readHost("/etc/resolv.conf").matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) =>
    server!.replace(/%.*$/, ""),
  );
}

export interface NetworkFiles {
  hosts: string;
  hostname: string;
  resolv: string;
}

/** Where a container's hosts, hostname and resolv.conf lie. */
export function networkFilePaths(container: Container): NetworkFiles {
  return {
    hosts: join(container.folder, "hosts"),
    hostname: join(container.folder, "hostname"),
    resolv: join(container.folder, "resolv.conf"),
  };
}

/** What of a container's networks its files tell. */
export interface NetworkNames {
  /** Addresses of the container itself. */
  own: string[];
  /** Lines of linked containers. */
  links: { address: string; names: string[] }[];
  /** The container's own name server answers: on user-defined networks. */
  resolver: boolean;
  /** What `host-gateway` stands for in `--add-host`. */
  hostGateway: string;
}

const NO_NETWORK: NetworkNames = { own: [], links: [], resolver: false, hostGateway: "" };

/**
 * Writes the three files that are bound into a container, and returns their paths. They are written
 * in place: a running container sees it.
 */
export function writeNetworkFiles(
  container: Container,
  names: NetworkNames = NO_NETWORK,
): NetworkFiles {
  const { config, hostConfig, id } = container.record;
  const paths = networkFilePaths(container);
  const sharesHost = hostConfig.NetworkMode === "host";
  const hostname = config.Hostname ?? "";
  const full = config.Domainname ? [`${hostname}.${config.Domainname}`, hostname] : [hostname];
  const ownNames = hostname === "" ? [id.slice(0, 12)] : full;
  const base = sharesHost ? readHost("/etc/hosts") || undefined : undefined;
  const extra = (hostConfig.ExtraHosts ?? []).map((entry) =>
    entry.replace(/([:=])host-gateway$/, `$1${names.hostGateway}`),
  );
  const own = names.own.map((address) => ({ address, names: ownNames }));
  write(paths.hosts, hostsText(base, extra, [...names.links, ...own]));
  write(paths.hostname, `${hostname}\n`);
  const dns = {
    servers: hostConfig.Dns ?? [],
    search: hostConfig.DnsSearch ?? [],
    options: hostConfig.DnsOptions ?? [],
  };
  const host = readHost("/etc/resolv.conf");
  const text = names.resolver ? ownResolvText(host, dns) : resolvText(host, dns, sharesHost);
  write(paths.resolv, text);
  return paths;
}

function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o644 });
  // The daemon's own mask must not make them unreadable for the container's users.
  chmodSync(path, 0o644);
}
