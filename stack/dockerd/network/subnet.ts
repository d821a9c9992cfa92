import { v4, v6 } from "@leichtgewicht/ip-codec";

export type Family = 4 | 6;

/** An address as a number, so that it can be counted and compared. */
export interface Address {
  family: Family;
  value: bigint;
}

/** The addresses from `base` on that share its first `bits` bits. */
export interface Subnet {
  family: Family;
  base: bigint;
  bits: number;
}

const WIDTH: Record<Family, number> = { 4: 32, 6: 128 };
/** How far the search for a free address goes before it is given up. */
const MAX_TRIED = 1 << 17;

/** Reads an address; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const family = v4.isFormat(text) ? 4 : v6.isFormat(text) ? 6 : undefined;
  if (family === undefined) return undefined;
  const bytes = family === 4 ? v4.encode(text) : v6.encode(text);
  return { family, value: BigInt(`0x${Buffer.from(bytes).toString("hex")}`) };
}

/** The usual text of an address. */
export function addressText({ family, value }: Address): string {
  const bytes = Buffer.from(value.toString(16).padStart(WIDTH[family] / 4, "0"), "hex");
  return family === 4 ? v4.decode(bytes) : v6.decode(bytes);
}

/** Reads `address/bits`, host bits cut off; undefined when it is no subnet. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = text.match(/^([^/]+)\/([0-9]{1,3})$/);
  const address = match && parseAddress(match[1]!);
  const bits = Number(match?.[2]);
  if (!address || bits > WIDTH[address.family]) return undefined;
  const host = BigInt(WIDTH[address.family] - bits);
  return { family: address.family, base: (address.value >> host) << host, bits };
}

/** The usual text of a subnet. */
export function subnetText({ family, base, bits }: Subnet): string {
  return `${addressText({ family, value: base })}/${bits}`;
}

/** The last address of a subnet. */
function lastOf({ family, base, bits }: Subnet): bigint {
  return base + (1n << BigInt(WIDTH[family] - bits)) - 1n;
}

/** True when an address lies in a subnet of its family. */
export function contains(subnet: Subnet, { family, value }: Address): boolean {
  return family === subnet.family && value >= subnet.base && value <= lastOf(subnet);
}

/** True when two subnets share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.family === other.family && one.base <= lastOf(other) && other.base <= lastOf(one);
}

/** The first address that a host may have. */
export function firstHost(subnet: Subnet): Address {
  const tiny = subnet.bits >= WIDTH[subnet.family] - 1;
  return { family: subnet.family, value: subnet.base + (tiny ? 0n : 1n) };
}

/**
 * The lowest address of `range` that a host in `subnet` may have and that is not taken. Undefined
 * when there is none.
 */
export function lowestFree(
  subnet: Subnet,
  range: Subnet,
  taken: ReadonlySet<bigint>,
): Address | undefined {
  const first = firstHost(subnet).value;
  const broadcast = subnet.family === 4 && subnet.bits < 31 ? lastOf(subnet) : lastOf(subnet) + 1n;
  let value = first;
  if (range.base > first) value = range.base;
  for (let tried = 0; tried < MAX_TRIED; tried++, value++) {
    if (value > lastOf(range) || value >= broadcast) return undefined;
    if (!taken.has(value)) return { family: subnet.family, value };
  }
  return undefined;
}

/** 02:42 and the four bytes of an IPv4 address: what dockerd gives interfaces. */
export function macOf(address: Address): string {
  const hex = address.value.toString(16).padStart(8, "0").slice(-8);
  return ["02", "42", ...(hex.match(/../g) ?? [])].join(":");
}
