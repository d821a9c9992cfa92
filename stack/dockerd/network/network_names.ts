import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { linkedContainers } from "./links.ts";
import { type NetworkNames, writeNetworkFiles } from "./network_files.ts";
import { isUserDefined, poolsOf } from "./network_record.ts";

/** What a container's files tell of its networks, as they are now. */
export function networkNames(daemon: Daemon, container: Container): NetworkNames {
  const { store } = daemon.networks;
  const endpoints = Object.entries(container.record.networks ?? {});
  const bridge = store.named("bridge");
  return {
    own: endpoints.flatMap(([, { live }]) =>
      [live?.address ?? "", live?.address6 ?? ""].filter((text) => text !== ""),
    ),
    links: linkedContainers(daemon, container).map(({ alias, container: other, live }) => ({
      address: live.address,
      names: [alias, other.id.slice(0, 12), other.record.name],
    })),
    resolver:
      daemon.networks.nameServers.has(container.id) ||
      endpoints.some(([name, { live }]) => {
        const network = store.named(name);
        return live?.ifname && network && isUserDefined(network);
      }),
    hostGateway: (bridge && poolsOf(bridge)[0]?.gateway) ?? "",
  };
}

/** Writes a running container's files anew after its networks changed. */
export function refreshNetworkFiles(daemon: Daemon, container: Container): void {
  writeNetworkFiles(container, networkNames(daemon, container));
}
