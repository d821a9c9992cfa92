import { randomBytes } from "node:crypto";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { broken, forbidden } from "../refusals.ts";
import type { EndpointWish, LiveEndpoint } from "./endpoint.ts";
import { type AddressPool, type NetworkRecord, poolsOf } from "./network_record.ts";
import { type Address, addressText, lowestFree, macOf, parseAddress } from "./subnet.ts";

const op = "choose address";

/** An endpoint without an interface: on the networks `host` and `none`. */
export const bareEndpoint = (): LiveEndpoint => ({
  endpointId: randomBytes(32).toString("hex"),
  ifname: "",
  mac: "",
  address: "",
  prefix: 0,
  gateway: "",
  address6: "",
  prefix6: 0,
  gateway6: "",
  ports: [],
});

/** Addresses on a network that somebody has. */
function takenOn(daemon: Daemon, network: NetworkRecord, pool: AddressPool): Set<bigint> {
  const texts = [pool.gateway, ...pool.reserved];
  for (const { record } of daemon.containers.all()) {
    const live = record.networks?.[network.name]?.live;
    if (live) texts.push(live.address, live.address6);
  }
  const taken = new Set<bigint>();
  for (const text of texts) {
    const address = parseAddress(text);
    if (address?.family === pool.family) taken.add(address.value);
  }
  return taken;
}

/**
 * Chooses where a container will be on a bridge network: the addresses it asks for, or the lowest
 * free ones. Throws in dockerd's words when there are none. Nothing waits between the look and the
 * caller's note of it in the container's record, so that no two get the same.
 */
export function chooseEndpoint(
  daemon: Daemon,
  container: Container,
  network: NetworkRecord,
  wish: EndpointWish,
): LiveEndpoint {
  const live = bareEndpoint();
  live.ifname = freeInterface(container);
  for (const pool of poolsOf(network)) {
    if (pool.family === 6 && !network.enableIpv6) continue;
    const asked = pool.family === 4 ? wish.IPAMConfig?.IPv4Address : wish.IPAMConfig?.IPv6Address;
    const address = chooseAddress(takenOn(daemon, network, pool), pool, asked ?? "");
    const gateway = network.internal ? "" : pool.gateway;
    if (pool.family === 4 && live.address === "") {
      const prefix = pool.subnet.bits;
      Object.assign(live, { address: addressText(address), prefix, gateway });
      live.mac = macOf(address);
    } else if (pool.family === 6 && live.address6 === "") {
      const more = { prefix6: pool.subnet.bits, gateway6: gateway };
      Object.assign(live, { address6: addressText(address), ...more });
    }
  }
  if (wish.MacAddress) live.mac = wish.MacAddress.toLowerCase();
  return live;
}

function chooseAddress(taken: Set<bigint>, pool: AddressPool, asked: string): Address {
  if (asked) {
    const address = parseAddress(asked)!;
    if (taken.has(address.value)) throw forbidden(op, "Address already in use");
    return address;
  }
  const found = lowestFree(pool.subnet, pool.range, taken);
  if (!found) throw broken(op, "no available IPv4 addresses on this network's address pools");
  return found;
}

function freeInterface(container: Container): string {
  const used = new Set(
    Object.values(container.record.networks ?? {}).map(({ live }) => live?.ifname),
  );
  let number = 0;
  while (used.has(`eth${number}`)) number++;
  return `eth${number}`;
}
