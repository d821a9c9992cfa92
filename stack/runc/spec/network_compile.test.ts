import { expect, test } from "bun:test";
import { namespaceWishes } from "./namespace_compile.ts";
import { compileNetwork } from "./network_compile.ts";
import { PlanBuilder } from "./plan_builder.ts";
import { operationText } from "./plan_text.ts";
import type { Linux, NetDevice } from "./spec_types.ts";

const ROOT = { uid: 0, inUserNamespace: false };
const DEVICES = { eth1: { name: "eth0" }, ib0: {} };

interface Wish {
  path?: string;
  devices?: Record<string, NetDevice>;
  facts?: typeof ROOT;
}

/** The operations for a container with a network namespace, or without any. */
function planOf(namespace: "network" | "none", { path, devices, facts = ROOT }: Wish): string[] {
  const linux: Linux = { namespaces: [{ type: "mount" }], netDevices: devices ?? DEVICES };
  if (namespace === "network") {
    linux.namespaces!.push(path === undefined ? { type: "network" } : { type: "network", path });
  }
  const plan = new PlanBuilder();
  compileNetwork(plan, { spec: { ociVersion: "1.3.0", linux }, facts }, namespaceWishes(linux));
  for (const { op, byParent } of plan.operations) expect(byParent ?? false).toBe(op !== "loopback");
  return plan.operations.map(operationText);
}

test("a new namespace gets its loopback, then the devices", () => {
  const expected = ["loopback", "net device eth1 eth0", "net device ib0 ib0"];
  expect(planOf("network", {})).toEqual(expected);
});

test("one that is joined is left as it is but for the devices", () => {
  expect(planOf("network", { path: "/run/netns/a", devices: {} })).toEqual([]);
  expect(planOf("network", { path: "/run/netns/a" })).toHaveLength(2);
});

test("devices need a namespace, and root", () => {
  expect(() => planOf("none", {})).toThrow("without a NET namespace");
  expect(() => planOf("network", { facts: { ...ROOT, uid: 1000 } })).toThrow("rootless containers");
});

test("names are those that the kernel takes", () => {
  for (const name of ["", ".", "..", "a/b", "a:b", "a b", "sixteen_letters_"]) {
    expect(() => planOf("network", { devices: { [name]: {} } })).toThrow("invalid network device");
  }
});
