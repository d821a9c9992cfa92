import { expect, test } from "bun:test";
import {
  addressText,
  contains,
  firstHost,
  lowestFree,
  macOf,
  overlaps,
  parseAddress,
  parseSubnet,
  subnetText,
} from "./subnet.ts";

const subnet = (text: string) => parseSubnet(text)!;
const free = (net: string, range: string, ...taken: string[]) => {
  const found = lowestFree(
    subnet(net),
    subnet(range),
    new Set(taken.map((text) => parseAddress(text)!.value)),
  );
  return found && addressText(found);
};

test("reads and writes addresses and subnets", () => {
  expect(subnetText(subnet("10.77.0.5/24"))).toBe("10.77.0.0/24");
  expect(subnetText(subnet("fd00:1::/64"))).toBe("fd00:1::/64");
  expect(addressText(firstHost(subnet("fd00:1::/64")))).toBe("fd00:1::1");
  for (const bad of ["", "nonsense", "1.2.3.4/33", "1.2.3.4", "1.2.3/8", "::/129", "1.2.3.4/"]) {
    expect(parseSubnet(bad)).toBeUndefined();
  }
});

test("says what lies in what", () => {
  expect(contains(subnet("10.44.0.0/24"), parseAddress("10.44.0.255")!)).toBe(true);
  expect(contains(subnet("10.44.0.0/24"), parseAddress("10.44.1.0")!)).toBe(false);
  expect(overlaps(subnet("172.17.0.0/16"), subnet("172.17.0.0/24"))).toBe(true);
  expect(overlaps(subnet("172.17.0.0/16"), subnet("172.18.0.0/16"))).toBe(false);
  expect(overlaps(subnet("0.0.0.0/0"), subnet("::/0"))).toBe(false);
});

test("gives the lowest free address, never network or broadcast", () => {
  expect(free("10.0.0.0/30", "10.0.0.0/30")).toBe("10.0.0.1");
  expect(free("10.0.0.0/30", "10.0.0.0/30", "10.0.0.1")).toBe("10.0.0.2");
  expect(free("10.0.0.0/30", "10.0.0.0/30", "10.0.0.1", "10.0.0.2")).toBeUndefined();
  expect(free("10.9.0.0/24", "10.9.0.128/25", "10.9.0.7")).toBe("10.9.0.128");
  expect(free("fd00::/64", "fd00::/64", "fd00::1")).toBe("fd00::2");
  expect(macOf(parseAddress("172.17.0.2")!)).toBe("02:42:ac:11:00:02");
});
