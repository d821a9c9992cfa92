import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { Daemon } from "../lib/daemon.ts";
import type { PrivateNetwork } from "../lib/private_network.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { startCriContainerd } from "./cri_containerd.ts";
import { startOurStack } from "./dockershim_stack.ts";

const PLUGINS = "/usr/lib/cni";
/** The bridge that the plugins make in the test's own network. */
export const BRIDGE = "catpods0";
/** The beginning of pods' addresses. */
export const SUBNET = "10.233.7.";

/** Why pods cannot have a CNI network here; undefined when they can. */
export function cniMissing(): string | undefined {
  for (const name of ["bridge", "portmap", "host-local"]) {
    if (!existsSync(`${PLUGINS}/${name}`)) return "containernetworking-plugins is not installed";
  }
  return existsSync("/usr/sbin/iptables") ? undefined : "there is no iptables(8)";
}

/** Writes a network of a bridge, with host ports; returns the folder of its configuration. */
function writeNetwork(sandbox: Sandbox, path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const ipam = {
    type: "host-local",
    dataDir: sandbox.path("leases"),
    ranges: [[{ subnet: `${SUBNET}0/24` }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const plugins = [
    { type: "bridge", bridge: BRIDGE, isGateway: true, ipMasq: false, hairpinMode: true, ipam },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  writeFileSync(path, JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins }));
  return dirname(path);
}

/** The addresses that are given out. */
export function leases(sandbox: Sandbox): string[] {
  const folder = sandbox.path("leases", "pods");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(SUBNET)) : [];
}

/** A way to have a CRI whose pods are on the CNI network of `network`. */
export interface CniStack {
  name: string;
  /** Returns the CRI's socket. */
  start(sandbox: Sandbox, network: PrivateNetwork): Promise<string>;
}

export const CNI_STACKS: CniStack[] = [
  {
    name: "our dockershim",
    start: async (sandbox, network) => {
      const { docker } = await startOurStack(sandbox);
      const confDir = writeNetwork(sandbox, sandbox.path("cni", "10-pods.conflist"));
      const state = sandbox.path("dockershim", "state");
      const socket = `${state}/cri.sock`;
      const argv = [
        ...[binPath("catena"), "dockershim", "--docker", docker, "--state", state],
        ...["--root", sandbox.path("dockershim", "root"), "--network", "cni"],
        ...["--cni-conf-dir", confDir, "--cni-bin-dir", PLUGINS],
      ];
      await Daemon.start(sandbox, { name: "dockershim", socket, argv: network.enter(argv) });
      return socket;
    },
  },
  {
    name: "Debian's containerd",
    start: async (sandbox, network) => {
      writeNetwork(sandbox, sandbox.path("cri", "cni-conf", "10-pods.conflist"));
      return (await startCriContainerd(sandbox, { network, cniBin: PLUGINS })).socket;
    },
  },
];
