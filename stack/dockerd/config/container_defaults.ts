import type { HostConfig, Ulimit } from "#wire/docker-api/types/container_config.ts";

/** What the daemon's configuration says of containers that leave it open. */
export interface ContainerDefaults {
  logDriver?: string;
  logOptions?: Record<string, string>;
  dns?: string[];
  dnsOptions?: string[];
  dnsSearch?: string[];
  init?: boolean;
  ulimits?: Ulimit[];
  shmBytes?: number;
  cgroupnsMode?: string;
  ipcMode?: string;
  cgroupParent?: string;
}

/** Completes a container's configuration by the daemon's. Changes `host`. */
export function applyDefaults(host: HostConfig, defaults: ContainerDefaults): void {
  host.IpcMode ||= defaults.ipcMode ?? "private";
  host.CgroupParent ||= defaults.cgroupParent ?? host.CgroupParent ?? null;
  host.CgroupnsMode ||= defaults.cgroupnsMode ?? host.CgroupnsMode ?? null;
  host.ShmSize ||= defaults.shmBytes ?? 64 * 1024 * 1024;
  if (defaults.init !== undefined) host.Init ??= defaults.init;
  if (!host.Dns?.length && defaults.dns) host.Dns = defaults.dns;
  if (!host.DnsOptions?.length && defaults.dnsOptions) host.DnsOptions = defaults.dnsOptions;
  if (!host.DnsSearch?.length && defaults.dnsSearch) host.DnsSearch = defaults.dnsSearch;
  const own = new Set((host.Ulimits ?? []).map(({ Name }) => Name));
  const more = (defaults.ulimits ?? []).filter(({ Name }) => !own.has(Name));
  if (more.length > 0) host.Ulimits = [...(host.Ulimits ?? []), ...more];
  const given = host.LogConfig;
  const driver = defaults.logDriver ?? "json-file";
  const options = !given?.Type || given.Type === driver ? defaults.logOptions : {};
  host.LogConfig = { Type: given?.Type || driver, Config: { ...options, ...given?.Config } };
}
