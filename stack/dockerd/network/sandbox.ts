import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCniPlugin } from "#lib/cni/cni_plugin.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { UMOUNT, unmount } from "#lib/linux/mount.ts";
import { callInNetworkNamespace, createNetworkNamespace } from "#lib/linux/network_namespace.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { broken } from "../refusals.ts";
import type { Unwind } from "../unwind.ts";
import { bareEndpoint, chooseEndpoint } from "./address_choice.ts";
import type { EndpointRecord } from "./endpoint.ts";
import { announce, attach, detach, target } from "./endpoint_attach.ts";
import { checkWish, endpointsOf } from "./endpoint_wish.ts";
import { nameServerPorts, redirectNames } from "./name_redirect.ts";
import { NameServer } from "./name_server.ts";
import { nameLookup } from "./name_table.ts";
import { resolverServers } from "./network_files.ts";
import { isUserDefined, type NetworkRecord } from "./network_record.ts";
import { publishPorts } from "./port_publish.ts";

const op = "set up network";

/** The networks of a container, the one of its mode first, as they are on this daemon. */
function networksOf(daemon: Daemon, container: Container): [NetworkRecord, EndpointRecord][] {
  return Object.entries(container.record.networks ?? {}).map(([name, endpoint]) => [
    daemon.networks.store.find(name),
    endpoint,
  ]);
}

/** True when a container has a network namespace that this daemon makes and fills. */
function hasBridge(daemon: Daemon, container: Container): boolean {
  if (!daemon.networks.cniFolder) return false;
  return networksOf(daemon, container).some(([{ driver }]) => driver === "bridge");
}

/**
 * Begins the network of a container that is being started: a namespace, and the addresses it will
 * have. What fills the namespace goes on meanwhile: an interface for each network, published ports,
 * a name server. Its end is what is returned, and must be awaited before the process is started.
 *
 * What is begun stands in the record first, so that a daemon that dies meanwhile can take it down
 * in its next life.
 */
export function openSandbox(
  daemon: Daemon,
  container: Container,
  unwind: Unwind,
): { filled: Promise<void> } {
  const { record } = container;
  // Made before this daemon had networks.
  record.networks ??= endpointsOf(daemon.networks.store, record.hostConfig, {}, record.config);
  const networks = networksOf(daemon, container);
  for (const [network, endpoint] of networks) checkWish(network, endpoint.wish);
  record.sandbox = { id: randomBytes(32).toString("hex"), key: "", ports: {} };
  let filled = Promise.resolve();
  unwind.add("take down network", async () => {
    await filled.catch(() => undefined);
    await closeSandbox(daemon, container);
  });
  if (hasBridge(daemon, container)) {
    makeNamespace(daemon, container, networks);
    filled = fillNamespace(daemon, container, networks);
    // Whoever starts the container sees a failure when it is due.
    filled.catch(() => undefined);
    return { filled };
  }
  for (const [network, endpoint] of networks) {
    Object.assign(endpoint, { networkId: network.id, live: bareEndpoint() });
    announce(daemon, container, network, "connect");
  }
  if (record.networks["host"]) record.sandbox.key = "/var/run/docker/netns/default";
  return { filled };
}

function makeNamespace(
  daemon: Daemon,
  container: Container,
  networks: [NetworkRecord, EndpointRecord][],
): void {
  const { namespaceFolder } = daemon.networks;
  mkdirSync(namespaceFolder, { recursive: true, mode: 0o700 });
  const sandbox = container.record.sandbox!;
  sandbox.key = join(namespaceFolder, sandbox.id.slice(0, 12));
  for (const [network, endpoint] of networks) {
    endpoint.networkId = network.id;
    completeAliases(container, network, endpoint);
    endpoint.live = chooseEndpoint(daemon, container, network, endpoint.wish);
  }
  container.save();
  createNetworkNamespace(sandbox.key);
  prepareNamespace(
    sandbox.key,
    networks.some(([{ enableIpv6 }]) => enableIpv6),
  );
}

/** Ends only when all of it has ended, also after a failure: what runs on cannot be taken down. */
async function fillNamespace(
  daemon: Daemon,
  container: Container,
  networks: [NetworkRecord, EndpointRecord][],
): Promise<void> {
  const loopback = runCniPlugin(
    daemon.networks.cniFolder!,
    "ADD",
    { cniVersion: "1.0.0", name: "loopback", type: "loopback" },
    target(container, "lo"),
  );
  // Bound before the loopback is up, the name server would answer from another address.
  const named = loopback.then(() => openNameServer(daemon, container));
  const ends = await Promise.allSettled([attachAll(daemon, container, networks), named]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function attachAll(
  daemon: Daemon,
  container: Container,
  networks: [NetworkRecord, EndpointRecord][],
): Promise<void> {
  const gateway = gatewayNetwork(networks);
  if (gateway) await publishPorts(daemon, container, ...gateway);
  for (const [network, endpoint] of networks) {
    await attach(daemon, container, network, endpoint, network === gateway?.[0]);
  }
}

/** The network that the default route leads to: the highest priority, then the first. */
export function gatewayNetwork(
  networks: [NetworkRecord, EndpointRecord][],
): [NetworkRecord, EndpointRecord] | undefined {
  return networks
    .filter(([{ internal, driver }]) => !internal && driver === "bridge")
    .sort(([, a], [, b]) => b.wish.GwPriority - a.wish.GwPriority)[0];
}

/** On a user-defined network a container has its short id and its host name as aliases too. */
export function completeAliases(
  container: Container,
  network: NetworkRecord,
  endpoint: EndpointRecord,
): void {
  if (!isUserDefined(network)) return;
  const short = container.id.slice(0, 12);
  const hostname = container.record.config.Hostname;
  const aliases = new Set([...(endpoint.wish.Aliases ?? []), short]);
  if (hostname) aliases.add(hostname);
  endpoint.wish.Aliases = [...aliases];
}

/** Settings of the namespace itself, before anything is in it. */
function prepareNamespace(key: string, ipv6: boolean): void {
  if (ipv6 || !existsSync("/proc/sys/net/ipv6/conf/all/disable_ipv6")) return;
  callInNetworkNamespace(key, () => {
    for (const scope of ["default", "all"]) {
      writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, "1");
    }
  });
}

/** Opens the name server of a container on user-defined networks, unless it is open. */
export async function openNameServer(daemon: Daemon, container: Container): Promise<void> {
  const { id, record } = container;
  const { sandbox } = record;
  const key = sandbox?.key;
  const wanted = networksOf(daemon, container).some(([network]) => isUserDefined(network));
  if (!key || !wanted || daemon.networks.nameServers.has(id)) return;
  try {
    const server = await NameServer.open({
      namespace: key,
      ports: sandbox.nameServer ?? nameServerPorts(),
      lookup: nameLookup(daemon, container),
      servers: () => resolverServers(record.hostConfig.Dns ?? []),
    });
    daemon.networks.nameServers.set(id, server);
    if (sandbox.nameServer) return;
    sandbox.nameServer = server.ports;
    await redirectNames(key, server.ports);
  } catch (error) {
    if (error instanceof ChainError) throw error;
    const { code = "UNKNOWN" } = error as { code?: string };
    throw broken(op, `the container's name server cannot listen: ${code}`, [
      { kind: "errno", value: code, ref: key },
    ]);
  }
}

/** Takes the network of a run down. Everything is tried; the first failure is thrown. */
export async function closeSandbox(daemon: Daemon, container: Container): Promise<void> {
  const { record, id } = container;
  daemon.networks.nameServers.get(id)?.close();
  daemon.networks.nameServers.delete(id);
  daemon.networks.ports.release(id);
  let failed: unknown;
  for (const [name, endpoint] of Object.entries(record.networks ?? {})) {
    const network = daemon.networks.store.named(name);
    if (!endpoint.live) continue;
    try {
      if (network) await detach(daemon, container, network, endpoint);
    } catch (error) {
      failed ??= error;
    }
    delete endpoint.live;
  }
  const { sandbox } = record;
  if (sandbox) {
    sandbox.ports = {};
    delete sandbox.nameServer;
  }
  if (sandbox?.key.startsWith(`${daemon.networks.namespaceFolder}/`)) {
    removeNamespace(sandbox.key);
  }
  if (failed !== undefined) throw failed;
}

function removeNamespace(path: string): void {
  try {
    unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
  } catch {
    // A reboot has taken the mount.
  }
  rmSync(path, { force: true });
}

/** After a restart of the daemon: what a running container's network needs of this process. */
export async function resumeSandbox(daemon: Daemon, container: Container): Promise<void> {
  const { id, record } = container;
  for (const { live } of Object.values(record.networks ?? {})) {
    for (const port of live?.ports ?? []) {
      const address = live!.address || live!.address6;
      await daemon.networks.ports.hold(id, port, address).catch((error: unknown) => {
        daemon.log.warn("published port is no longer held", { container: id, error: words(error) });
      });
    }
  }
  await openNameServer(daemon, container).catch((error: unknown) => {
    daemon.log.warn("name server could not be opened", { container: id, error: words(error) });
  });
}

const words = (error: unknown) => (error instanceof ChainError ? error.message : String(error));

/** Removes namespaces that no container's record names: of containers that are gone. */
export function sweepNamespaces(daemon: Daemon): void {
  const folder = daemon.networks.namespaceFolder;
  if (!existsSync(folder)) return;
  const used = new Set(daemon.containers.all().map(({ record }) => record.sandbox?.key));
  for (const name of readdirSync(folder)) {
    if (!used.has(join(folder, name))) removeNamespace(join(folder, name));
  }
}
