import { expect, test } from "bun:test";
import type { NetworkRecord } from "./network_record.ts";
import { networkRules } from "./network_rules.ts";

const record: NetworkRecord = {
  version: 1,
  id: "0123456789abcdef",
  name: "net",
  created: "",
  driver: "bridge",
  predefined: false,
  internal: false,
  attachable: false,
  enableIpv6: true,
  ipamOptions: null,
  ipam: [{ Subnet: "10.1.0.0/24" }, { Subnet: "fd00::/64" }],
  chosenSubnets: [],
  options: {},
  labels: {},
  bridge: "br-1",
};

const lines = (changed: Partial<NetworkRecord>) =>
  networkRules({ ...record, ...changed }).map(({ program, table, chain, words }) =>
    [program, table, chain, ...words].join(" ").replace(/-m comment --comment catena \S+ \S+ /, ""),
  );

test("a network's traffic is forwarded and masked, in both families", () => {
  expect(lines({})).toEqual(
    [
      ["iptables", "10.1.0.0/24"],
      ["ip6tables", "fd00::/64"],
    ].flatMap(([program, subnet]) => [
      `${program} nat POSTROUTING -s ${subnet} ! -o br-1 -j MASQUERADE`,
      `${program} filter CNI-ADMIN -o br-1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `${program} filter CNI-ADMIN -o br-1 -m conntrack --ctstate DNAT -j ACCEPT`,
      `${program} filter CNI-ADMIN -i br-1 -j ACCEPT`,
    ]),
  );
});

test("an internal network's traffic stays on its bridge", () => {
  expect(lines({ internal: true, ipam: [{ Subnet: "10.1.0.0/24" }] })).toEqual([
    "iptables filter CNI-ADMIN -i br-1 ! -o br-1 -j DROP",
    "iptables filter CNI-ADMIN ! -i br-1 -o br-1 -j DROP",
    "iptables filter CNI-ADMIN -i br-1 -j ACCEPT",
  ]);
});

test("masquerading is left out where the network's option says so", () => {
  const options = { "com.docker.network.bridge.enable_ip_masquerade": "false" };
  expect(lines({ options }).some((line) => line.includes("MASQUERADE"))).toBe(false);
});
