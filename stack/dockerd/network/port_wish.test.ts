import { expect, test } from "bun:test";
import { parsePortKey, portWishes } from "./port_wish.ts";

const shown = (...args: Parameters<typeof portWishes>) =>
  portWishes(...args).map(
    ({ protocol, containerPort, hostIp, hostFirst, hostLast }) =>
      `${hostIp}:${hostFirst}-${hostLast}>${containerPort}/${protocol}`,
  );

test("reads bindings, ranges and exposed ports", () => {
  expect(shown({ "80/tcp": [{ HostPort: "8080" }], "53/udp": null }, [], false)).toEqual([
    ":8080-8080>80/tcp",
    ":0-0>53/udp",
  ]);
  expect(shown({ "80": [{ HostIp: "127.0.0.1", HostPort: "8000-8002" }] }, [], false)).toEqual([
    "127.0.0.1:8000-8002>80/tcp",
  ]);
  expect(shown({ "7000-7001/tcp": [{ HostPort: "9000" }] }, [], false)).toEqual([
    ":9000-9000>7000/tcp",
    ":9001-9001>7001/tcp",
  ]);
  expect(shown({ "80/tcp": [] }, ["80/tcp", "99/tcp"], true)).toEqual([
    ":0-0>80/tcp",
    ":0-0>99/tcp",
  ]);
});

test("refuses what is no port", () => {
  for (const bad of ["", "x", "0/tcp", "70000/tcp", "80/quic", "9-8/tcp", "-1"]) {
    expect(() => parsePortKey(bad)).toThrow("invalid port specification");
  }
  expect(() => portWishes({ "1/tcp": [{ HostPort: "x" }] }, [], false)).toThrow("invalid port");
  expect(() => portWishes({ "1/tcp": [{ HostIp: "x" }] }, [], false)).toThrow("invalid IP address");
});
