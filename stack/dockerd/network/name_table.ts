import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import type { EndpointRecord } from "./endpoint.ts";
import type { NameLookup } from "./name_answer.ts";
import { isUserDefined } from "./network_record.ts";

/** All names that a container has on a network. */
export function endpointNames(container: Container, endpoint: EndpointRecord): string[] {
  const names = [container.record.name, ...(endpoint.wish.Aliases ?? [])];
  const short = container.id.slice(0, 12);
  const { Hostname: hostname } = container.record.config;
  if (!names.includes(short)) names.push(short);
  if (hostname && !names.includes(hostname)) names.push(hostname);
  return names;
}

/** The user-defined networks that a container is on now, by their names. */
function* ownNetworks(daemon: Daemon, container: Container): Generator<[string, EndpointRecord]> {
  for (const [name, endpoint] of Object.entries(container.record.networks ?? {})) {
    const network = daemon.networks.store.named(name);
    if (endpoint.live && network && isUserDefined(network)) yield [name, endpoint];
  }
}

/** What a container finds on its networks: read anew for each question, so always as it is. */
export function nameLookup(daemon: Daemon, container: Container): NameLookup {
  return {
    addresses(name) {
      const v4: string[] = [];
      const v6: string[] = [];
      let known = false;
      for (const [network, own] of ownNetworks(daemon, container)) {
        const bare = name.endsWith(`.${network.toLowerCase()}`)
          ? name.slice(0, -network.length - 1)
          : name;
        const linked = linkTarget(own, bare);
        for (const other of daemon.containers.all()) {
          const endpoint = other.record.networks?.[network];
          if (!endpoint?.live) continue;
          const names = endpointNames(other, endpoint).map((text) => text.toLowerCase());
          const isLinked = linked !== undefined && refers(linked, other);
          if (!isLinked && !names.includes(bare) && !names.includes(name)) continue;
          known = true;
          if (endpoint.live.address) v4.push(endpoint.live.address);
          if (endpoint.live.address6) v6.push(endpoint.live.address6);
        }
      }
      return known ? { v4: [...new Set(v4)], v6: [...new Set(v6)] } : undefined;
    },
    nameOf(address) {
      for (const [network] of ownNetworks(daemon, container)) {
        for (const other of daemon.containers.all()) {
          const live = other.record.networks?.[network]?.live;
          if (live && (live.address === address || live.address6 === address)) {
            return `${other.record.name}.${network}`;
          }
        }
      }
      return undefined;
    },
  };
}

/** Whom `--link target:alias` means by an alias, on a user-defined network. */
function linkTarget(endpoint: EndpointRecord, alias: string): string | undefined {
  for (const link of endpoint.wish.Links ?? []) {
    const [target = "", name = target] = link.split(":");
    if (name.toLowerCase() === alias) return target;
  }
  return undefined;
}

const refers = (ref: string, container: Container) =>
  container.record.name === ref || (ref.length >= 12 && container.id.startsWith(ref));
