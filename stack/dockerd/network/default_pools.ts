import { createHash } from "node:crypto";
import { type Family, overlaps, parseSubnet, type Subnet, subnetText } from "./subnet.ts";

/** Where networks get their addresses when nobody says: dockerd's own choice and order. */
function* ipv4Pools(): Generator<string> {
  for (let second = 17; second <= 31; second++) yield `172.${second}.0.0/16`;
  for (let third = 0; third < 256; third += 16) yield `192.168.${third}.0/20`;
}

const MAX_IPV6_POOLS = 256;

/** Unique local subnets of this host (RFC 4193): 40 bits of the seed make the prefix. */
function* ipv6Pools(seed: string): Generator<string> {
  const hex = createHash("sha256").update(seed).digest("hex");
  const prefix = `fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}`;
  for (let net = 1; net <= MAX_IPV6_POOLS; net++) yield `${prefix}:${net.toString(16)}::/64`;
}

/** The first pool that no one of `taken` overlaps; undefined when all are gone. */
export function choosePool(
  family: Family,
  seed: string,
  taken: readonly Subnet[],
): string | undefined {
  for (const text of family === 4 ? ipv4Pools() : ipv6Pools(seed)) {
    const subnet = parseSubnet(text);
    if (subnet && !taken.some((other) => overlaps(subnet, other))) return subnetText(subnet);
  }
  return undefined;
}
