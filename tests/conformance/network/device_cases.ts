import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type CommandResult, describeResult, mustRun, runCommand } from "../../lib/command.ts";
import type { RuntimeConfig } from "../../lib/runtime_bundle.ts";
import type { ConformanceCase } from "../harness/case_types.ts";
import { addNamespace, addUserNamespace, dropNamespace } from "../harness/config_edits.ts";
import type { Trial } from "../harness/trial.ts";
import { newNetworkNamespace, type TestNamespace } from "./test_namespace.ts";

const DIFFERS = { runc: "came with runc 1.4", crun: "crun 1.8 ignores them" };
const ADDRESSES = ["192.0.2.7/24", "2001:db8::7/64"];

/** A network namespace with both ends of a cable in it, cat0 (with addresses, up) and cat1. */
async function withCable(trial: Trial): Promise<TestNamespace> {
  const namespace = await newNetworkNamespace(trial);
  const ip = (...args: string[]) => mustRun([...namespace.enter, "ip", ...args]);
  await ip("link", "add", "cat0", "type", "veth", "peer", "name", "cat1");
  for (const address of ADDRESSES) await ip("address", "add", address, "dev", "cat0", "nodad");
  for (const name of ["cat0", "cat1"]) await ip("link", "set", name, "up");
  return namespace;
}

interface DeviceWish {
  devices: Record<string, object>;
  script?: string;
  edit?: (config: RuntimeConfig) => void;
}

/** Runs a container that gets devices, its runtime in the namespace that has them. */
async function runIn(
  trial: Trial,
  { enter }: TestNamespace,
  { devices, script = "true", edit }: DeviceWish,
): Promise<CommandResult> {
  const { id, bundle } = await trial.bundle({
    script,
    edit(config) {
      config.linux["netDevices"] = devices;
      edit?.(config);
    },
  });
  const env = { CATENA_STATE: trial.folder("catena-state") };
  return runCommand([...enter, ...trial.argv("run", "--bundle", bundle, id)], { env });
}

const linksIn = ({ enter }: TestNamespace) => mustRun([...enter, "ip", "-o", "address"]);

export const DEVICE_CASES: ConformanceCase[] = [
  {
    name: "a device is moved, keeps its lasting addresses, and is up",
    async run(trial) {
      const namespace = await withCable(trial);
      const wish = { devices: { cat0: {} }, script: "ip address show cat0" };
      const result = await runIn(trial, namespace, wish);
      assert.equal(result.code, 0, describeResult(result));
      assert.match(result.stdout, /cat0[^\n]*<[^>]*\bUP\b/);
      for (const address of ADDRESSES) assert.ok(result.stdout.includes(address), result.stdout);
    },
    differs: DIFFERS,
  },
  {
    name: "a device gets another name in the container, and is gone outside",
    async run(trial) {
      const namespace = await withCable(trial);
      const seen = trial.path("seen");
      const show = `${namespace.enter.join(" ")} ip -o link > ${seen}`;
      const hook = { path: "/bin/sh", args: ["sh", "-c", show], env: ["PATH=/usr/sbin:/usr/bin"] };
      const result = await runIn(trial, namespace, {
        devices: { cat0: { name: "eth0" } },
        script: "ip address show eth0",
        edit: (config) => Object.assign(config, { hooks: { createRuntime: [hook] } }),
      });
      assert.equal(result.code, 0, describeResult(result));
      assert.ok(result.stdout.includes(ADDRESSES[0]!), result.stdout);
      assert.match(readFileSync(seen, "utf8"), /cat1/);
      assert.doesNotMatch(readFileSync(seen, "utf8"), /cat0[:]/);
    },
    differs: DIFFERS,
  },
  {
    name: "devices go into a namespace that is joined, and stay there",
    async run(trial) {
      const namespace = await withCable(trial);
      const joined = await newNetworkNamespace(trial);
      const result = await runIn(trial, namespace, {
        devices: { cat0: { name: "a0" }, cat1: { name: "a1" } },
        edit: (config) => addNamespace(config, "network", joined.path),
      });
      assert.equal(result.code, 0, describeResult(result));
      const links = await linksIn(joined);
      for (const text of ["a0", "a1", ...ADDRESSES]) assert.ok(links.includes(text), links);
    },
    differs: DIFFERS,
  },
  {
    name: "a container with a user namespace gets devices too",
    async run(trial) {
      const result = await runIn(trial, await withCable(trial), {
        devices: { cat0: {} },
        script: "ip address show cat0",
        edit: (config) => addUserNamespace(config),
      });
      assert.equal(result.code, 0, describeResult(result));
      assert.ok(result.stdout.includes(ADDRESSES[0]!), result.stdout);
    },
    differs: DIFFERS,
  },
  {
    name: "a device that is not there fails the creation, in runc's words",
    async run(trial) {
      const result = await runIn(trial, await withCable(trial), { devices: { nodev0: {} } });
      assert.notEqual(result.code, 0);
      const words =
        /move netDevice nodev0 to namespace \S+: link not found for interface nodev0 on/;
      assert.match(result.stderr, words);
    },
    differs: DIFFERS,
  },
  {
    name: "a device that cannot be moved keeps its addresses and stays up",
    async run(trial) {
      const namespace = await withCable(trial);
      const joined = await newNetworkNamespace(trial);
      await mustRun([...joined.enter, "ip", "link", "add", "cat0", "type", "bridge"]);
      const result = await runIn(trial, namespace, {
        devices: { cat0: {} },
        edit: (config) => addNamespace(config, "network", joined.path),
      });
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /fail to move network device cat0 to network namespace/);
      const links = await linksIn(namespace);
      for (const address of ADDRESSES) assert.ok(links.includes(address), links);
    },
    differs: DIFFERS,
  },
  {
    name: "devices without a network namespace, and names that are none, are refused",
    async run(trial) {
      const namespace = await withCable(trial);
      const shared = await runIn(trial, namespace, {
        devices: { cat0: {} },
        edit: (config) => dropNamespace(config, "network"),
      });
      assert.notEqual(shared.code, 0);
      assert.match(shared.stderr, /unable to move network devices without a NET namespace/);
      for (const name of ["a b", "..", "a/b", "a:b", "x".repeat(20)]) {
        const wrong = await runIn(trial, namespace, { devices: { cat0: { name } } });
        assert.notEqual(wrong.code, 0);
        assert.match(wrong.stderr, /invalid network device name/);
      }
    },
    differs: DIFFERS,
  },
];
