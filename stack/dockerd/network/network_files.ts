import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../container/container.ts";
import { invalid } from "../refusals.ts";

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
  own: { address: string; names: string[] } | undefined,
): string {
  const lines = base === undefined ? [...HOSTS] : [base.replace(/\n$/, "")];
  for (const entry of extra) {
    const { name, address } = parseExtraHost(entry);
    lines.push(`${address}\t${name}`);
  }
  if (own) lines.push(`${own.address}\t${own.names.join(" ")}`);
  return `${lines.join("\n")}\n`;
}

/** `--add-host name:address` (or `name=address`). */
export function parseExtraHost(entry: string): { name: string; address: string } {
  const match = entry.match(/^([^:=]+)[:=](.+)$/);
  if (!match) throw invalid("check hosts", `bad format for add-host: ${JSON.stringify(entry)}`);
  return { name: match[1]!, address: match[2]!.replace(/^\[(.*)\]$/, "$1") };
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

/** Writes the three files that are bound into a container, and returns their paths. */
export function writeNetworkFiles(container: Container, address?: string): NetworkFiles {
  const { config, hostConfig, id } = container.record;
  const paths = networkFilePaths(container);
  const sharesHost = hostConfig.NetworkMode === "host";
  const hostname = config.Hostname ?? "";
  const names = config.Domainname ? [`${hostname}.${config.Domainname}`, hostname] : [hostname];
  const own = address
    ? { address, names: [...names, ...(hostname === "" ? [id.slice(0, 12)] : [])] }
    : undefined;
  const base = sharesHost ? readHost("/etc/hosts") || undefined : undefined;
  write(paths.hosts, hostsText(base, hostConfig.ExtraHosts ?? [], own));
  write(paths.hostname, `${hostname}\n`);
  const dns = {
    servers: hostConfig.Dns ?? [],
    search: hostConfig.DnsSearch ?? [],
    options: hostConfig.DnsOptions ?? [],
  };
  write(paths.resolv, resolvText(readHost("/etc/resolv.conf"), dns, sharesHost));
  return paths;
}

function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o644 });
  // The daemon's own mask must not make them unreadable for the container's users.
  chmodSync(path, 0o644);
}
