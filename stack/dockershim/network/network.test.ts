import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  DNSConfigSchema,
  PodSandboxConfigSchema,
} from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import { readCniConfig } from "./cni_config.ts";
import { addressesOf } from "./cni_network.ts";
import { PodNetwork } from "./pod_network.ts";
import { resolvConf } from "./resolv_conf.ts";

const folder = mkdtempSync(join(tmpdir(), "cni-"));
afterAll(() => rmSync(folder, { recursive: true }));

let folders = 0;
function withFiles(files: Record<string, unknown>): string {
  const path = join(folder, String(folders++));
  mkdirSync(path);
  for (const [name, value] of Object.entries(files)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    writeFileSync(join(path, name), text, { mode: name.startsWith("plugin") ? 0o755 : 0o644 });
  }
  return path;
}

/** A plugin that notes how it was called and refuses ADD when told to. */
const PLUGIN = `#!/bin/sh
input=$(cat)
printf '%s %s %s %s\\n' "$CNI_COMMAND" "\${0##*/}" "$CNI_NETNS" "$input" >> "\${0%/*}/calls"
case "$CNI_COMMAND $input" in
ADD*'"refuse":true'*) echo '{"code":7,"msg":"no address left"}'; exit 1;;
ADD*) echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.9.0.5/24"}]}';;
esac
`;

const pod = {
  id: "abc",
  metadata: { name: "web", namespace: "default", uid: "u1" },
  netns: "/proc/1/ns/net",
};
const calls = (bin: string) => Bun.file(join(bin, "calls")).text();

test("the first configuration by name is taken, a list or a single plugin", () => {
  const list = { name: "b", cniVersion: "0.4.0", plugins: [{ type: "bridge" }] };
  const dir = withFiles({ "20-b.conflist": list, "10-a.conf": { name: "a", type: "ptp" } });
  expect(readCniConfig(dir)).toMatchObject({ name: "a", plugins: [{ type: "ptp" }] });
  expect(readCniConfig(join(folder, "nowhere"))).toBeUndefined();
  expect(() => readCniConfig(withFiles({ "x.conf": { name: "x", type: "../sh" } }))).toThrow(
    "a plugin without a type",
  );
});

test("plugins run in order and are undone in reverse when one refuses", async () => {
  const binDirs = [withFiles({ "plugin-a": PLUGIN, "plugin-b": PLUGIN })];
  const plugins = [{ type: "plugin-a" }, { type: "plugin-b", refuse: true }];
  const confDir = withFiles({ "net.conflist": { name: "n", cniVersion: "0.4.0", plugins } });
  const network = new PodNetwork({ confDir, binDirs });
  expect(network.choice).toBe("cni");
  const config = create(PodSandboxConfigSchema, {});
  await expect(network.attach(pod, config)).rejects.toThrow(
    'plugin type="plugin-b" failed: no address left',
  );
  const order = (await calls(binDirs[0]!)).split("\n").map((line) => line.slice(0, 12));
  expect(order).toEqual(["ADD plugin-a", "ADD plugin-b", "DEL plugin-b", "DEL plugin-a", ""]);
});

test("port mappings reach the plugin that can do them, addresses come back", async () => {
  const binDirs = [withFiles({ "plugin-a": PLUGIN })];
  const plugins = [{ type: "plugin-a", capabilities: { portMappings: true } }];
  const confDir = withFiles({ "net.conflist": { name: "n", cniVersion: "0.4.0", plugins } });
  const network = new PodNetwork({ confDir, binDirs });
  const config = create(PodSandboxConfigSchema, {
    portMappings: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }],
  });
  const attachment = await network.attach(pod, config);
  expect(attachment?.ips).toEqual(["10.9.0.5"]);
  expect(await calls(binDirs[0]!)).toContain(
    '"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""}]',
  );
});

test("a network that was asked for and is not configured is not ready", () => {
  const empty = withFiles({});
  expect(new PodNetwork({ confDir: empty }).readiness()).toMatchObject({ ready: true });
  expect(new PodNetwork({ confDir: empty, network: "cni" }).readiness()).toMatchObject({
    ready: false,
    reason: "NetworkPluginNotReady",
  });
});

test("results of all versions, and resolv.conf", () => {
  expect(addressesOf({ ip4: { ip: "10.0.0.2/16" } })).toEqual(["10.0.0.2"]);
  expect(addressesOf(undefined)).toEqual([]);
  const dns = create(DNSConfigSchema, {
    servers: ["10.0.0.10"],
    searches: ["a.local", "b.local"],
    options: ["ndots:5"],
  });
  expect(resolvConf(dns)).toBe("search a.local b.local\nnameserver 10.0.0.10\noptions ndots:5\n");
});
