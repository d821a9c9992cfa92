import { existsSync, readFileSync } from "node:fs";
import { addressText, parseSubnet, type Subnet } from "./subnet.ts";

/** What the host's own routes occupy: subnets that no network may take. */
export function hostSubnets(): Subnet[] {
  return [
    ...ipv4Routes(readText("/proc/net/route")),
    ...ipv6Routes(readText("/proc/net/ipv6_route")),
  ];
}

/** True when the host has an interface of that name. */
export function hasInterface(name: string): boolean {
  return readText("/proc/net/dev")
    .split("\n")
    .some((line) => line.trim().startsWith(`${name}:`));
}

/** True where the kernel and the boot options leave the host IPv6. */
export const hasIpv6 = () => existsSync("/proc/net/if_inet6");

/** /proc/net/route: destination and mask are little-endian hexadecimal numbers. */
export function ipv4Routes(text: string): Subnet[] {
  const out: Subnet[] = [];
  for (const line of text.split("\n").slice(1)) {
    const [, destination = "", , , , , , mask = ""] = line.split(/\s+/);
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) continue;
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll("0", "").length;
    const value = BigInt(`0x${destination.match(/../g)!.reverse().join("")}`);
    const subnet = parseSubnet(`${addressText({ family: 4, value })}/${bits}`);
    // The default route takes nothing.
    if (subnet && bits > 0) out.push(subnet);
  }
  return out;
}

/** /proc/net/ipv6_route: destination and its length in hexadecimal. */
export function ipv6Routes(text: string): Subnet[] {
  const out: Subnet[] = [];
  for (const line of text.split("\n")) {
    const [destination = "", length = ""] = line.split(/\s+/);
    if (!/^[0-9a-f]{32}$/.test(destination)) continue;
    const bits = Number.parseInt(length, 16);
    const address = addressText({ family: 6, value: BigInt(`0x${destination}`) });
    const subnet = parseSubnet(`${address}/${bits}`);
    if (subnet && bits > 0 && !destination.startsWith("fe80") && !destination.startsWith("ff")) {
      out.push(subnet);
    }
  }
  return out;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
