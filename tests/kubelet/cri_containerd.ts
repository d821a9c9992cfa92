import { mkdirSync, writeFileSync } from "node:fs";
import { mustRun } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { PrivateNetwork } from "../lib/private_network.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { PAUSE_IMAGE, podImages } from "./pod_images.ts";

export interface CriContainerdOptions {
  /** The runc that it runs; by default Debian's. */
  runtime?: string;
  /** The network that it runs in, and CNI's plugins are run in; by default the host's. */
  network?: PrivateNetwork;
  /** The folder of CNI plugins; by default one without any. */
  cniBin?: string;
}

/**
 * Debian's containerd with its CRI plugin, private in all its folders, with the images that pods
 * need. Its CNI networks are read from `cri/cni-conf`.
 */
export async function startCriContainerd(
  sandbox: Sandbox,
  options: CriContainerdOptions = {},
): Promise<Daemon> {
  const socket = criSocket(sandbox);
  const config = sandbox.path("cri", "config.toml");
  for (const name of ["cni-bin", "cni-conf"]) {
    mkdirSync(sandbox.path("cri", name), { recursive: true });
  }
  writeFileSync(config, configText(sandbox, options));
  const argv = criContainerd(sandbox, socket, config);
  const { network } = options;
  const daemon = await Daemon.start(sandbox, {
    ...{ name: "cri-containerd", socket },
    argv: network ? network.enter(argv) : argv,
  });
  const archive = await podImages(sandbox);
  await mustRun([GENUINE.ctr, "-a", socket, "-n", "k8s.io", "images", "import", archive]);
  return daemon;
}

function criContainerd(sandbox: Sandbox, socket: string, config: string): string[] {
  return [
    ...[GENUINE.containerd, "--config", config, "--address", socket],
    ...["--root", sandbox.path("cri", "root"), "--state", sandbox.path("cri", "state")],
  ];
}

/** Where `startCriContainerd` will serve. */
export function criSocket(sandbox: Sandbox): string {
  return sandbox.path("cri", "containerd.sock");
}

function configText(sandbox: Sandbox, options: CriContainerdOptions): string {
  const { runtime = GENUINE.runc, cniBin = sandbox.path("cri", "cni-bin") } = options;
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[${cri}.cni]
  bin_dir = "${cniBin}"
  conf_dir = "${sandbox.path("cri", "cni-conf")}"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${runtime}"
  Root = "${sandbox.path("cri", "runc")}"
`;
}
