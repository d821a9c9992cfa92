import { mkdirSync, writeFileSync } from "node:fs";
import { mustRun } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { PAUSE_IMAGE, podImages } from "./pod_images.ts";

/**
 * Debian's containerd with its CRI plugin, private in all its folders, with the images that pods
 * need. `runtime` is the runc that it runs.
 */
export async function startCriContainerd(
  sandbox: Sandbox,
  runtime: string = GENUINE.runc,
): Promise<Daemon> {
  const socket = criSocket(sandbox);
  const config = sandbox.path("cri", "config.toml");
  for (const name of ["cni-bin", "cni-conf"]) mkdirSync(sandbox.path("cri", name));
  writeFileSync(config, configText(sandbox, runtime));
  const daemon = await Daemon.start(sandbox, criContainerd(sandbox, socket, config));
  const archive = await podImages(sandbox);
  await mustRun([GENUINE.ctr, "-a", socket, "-n", "k8s.io", "images", "import", archive]);
  return daemon;
}
function criContainerd(sandbox: Sandbox, socket: string, config: string) {
  return {
    name: "cri-containerd",
    socket,
    argv: [
      ...[GENUINE.containerd, "--config", config, "--address", socket],
      ...["--root", sandbox.path("cri", "root"), "--state", sandbox.path("cri", "state")],
    ],
  };
}

/** Where `startCriContainerd` will serve. */
export function criSocket(sandbox: Sandbox): string {
  return sandbox.path("cri", "containerd.sock");
}

function configText(sandbox: Sandbox, runtime: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[${cri}.cni]
  bin_dir = "${sandbox.path("cri", "cni-bin")}"
  conf_dir = "${sandbox.path("cri", "cni-conf")}"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${runtime}"
  Root = "${sandbox.path("cri", "runc")}"
`;
}
