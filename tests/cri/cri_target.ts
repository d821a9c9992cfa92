import { readFileSync, writeFileSync } from "node:fs";
import { pack } from "tar-stream";
import { libexecPath } from "#lib/install/install_paths.ts";
import { connectCri } from "#wire/cri/client/cri_client.ts";
import type { CriServices } from "#wire/cri/services.ts";
import type { Box } from "../lib/box_probe.ts";
import { busyboxImageArchive, busyboxTar, IMAGE, imageArchive } from "../lib/busybox_image.ts";
import { startCatenaDaemon, startCatenaDockershim } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { GENUINE, startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { makeNetwork, type TestNetwork } from "./pod_network.ts";

/** One way to have a CRI, to be tried by the same cases. */
export interface CriPlan {
  name: string;
  boxes: Box[];
  /** Whose CRI it is: what only ours can is not asked of the control. */
  kind: "ours" | "control";
  /** Starts it in the sandbox, with the image there; returns its socket. */
  start(sandbox: Sandbox, network: TestNetwork): Promise<string>;
}

/** A running CRI and what the cases need to know of it. */
export interface CriTarget {
  plan: CriPlan;
  socket: string;
  services: CriServices;
  sandbox: Sandbox;
  image: string;
}

/** The image by the name that Docker gives it. */
export const SHORT_IMAGE = "catest:latest";
const PAUSE = "docker.io/library/catest-pause:latest";

/** Gives a Docker the image under the name that the cases use. */
export async function importImage(sandbox: Sandbox, docker: string): Promise<void> {
  const env = { DOCKER_HOST: `unix://${docker}`, DOCKER_CONFIG: sandbox.path("docker-config") };
  await mustRun(["docker", "import", await busyboxTar(sandbox), SHORT_IMAGE], { env });
}

/** Our dockershim on our dockerd, its socket between them. */
export const OURS: CriPlan = {
  name: "our dockershim on our stack",
  boxes: ["catena daemon", "docker cli"],
  kind: "ours",
  start: async (sandbox, network) => {
    const daemon = await startCatenaDaemon(sandbox);
    await importImage(sandbox, daemon.socket);
    return (await startShim(sandbox, daemon.socket, network)).socket;
  },
};

/** Our dockershim on a Docker, its pods on the test's network. */
export function startShim(sandbox: Sandbox, docker: string, network: TestNetwork) {
  const { confDir, binDir } = network;
  const flags = ["--network", "cni", "--cni-conf-dir", confDir, "--cni-bin-dir", binDir];
  return startCatenaDockershim(sandbox, docker, flags);
}

/** Our dockershim on Debian's dockerd. */
export const ON_GENUINE_DOCKER: CriPlan = {
  name: "our dockershim on genuine dockerd",
  boxes: ["catena daemon", "docker cli", "genuine containerd", "genuine dockerd"],
  kind: "ours",
  start: async (sandbox, network) => {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    await importImage(sandbox, dockerd.socket);
    return (await startShim(sandbox, dockerd.socket, network)).socket;
  },
};

/** Debian's containerd with its own CRI: the control. */
export const CONTROL: CriPlan = {
  name: "genuine containerd's CRI",
  boxes: ["genuine containerd"],
  kind: "control",
  start: async (sandbox, network) => {
    const socket = sandbox.path("cri", "containerd.sock");
    const config = sandbox.path("cri", "config.toml");
    writeFileSync(config, controlConfig(network));
    await Daemon.start(sandbox, {
      name: "genuine-cri",
      socket,
      argv: [
        GENUINE.containerd,
        ...["--config", config, "--address", socket],
        ...["--root", sandbox.path("cri", "root"), "--state", sandbox.path("cri", "state")],
      ],
    });
    const pause = await imageArchive(sandbox, "pause", {
      name: PAUSE,
      layer: await pauseLayer(),
      config: { Entrypoint: ["/pause"] },
    });
    for (const archive of [await busyboxImageArchive(sandbox), pause]) {
      const flags = ["-a", socket, "-n", "k8s.io", "image", "import"];
      await mustRun([GENUINE.ctr, ...flags, archive]);
    }
    return socket;
  },
};

/** Root may not lower the OOM score in every container of a test machine. */
function controlConfig({ confDir, binDir }: TestNetwork): string {
  return [
    "version = 2",
    '[plugins."io.containerd.grpc.v1.cri"]',
    `sandbox_image = "${PAUSE}"`,
    "restrict_oom_score_adj = true",
    'stream_server_address = "127.0.0.1"',
    '[plugins."io.containerd.grpc.v1.cri".cni]',
    `conf_dir = "${confDir}"`,
    `bin_dir = "${binDir}"`,
    "",
  ].join("\n");
}

async function pauseLayer(): Promise<Buffer> {
  const archive = pack();
  const program = readFileSync(libexecPath("catena-pause"));
  archive.entry({ name: "pause", mode: 0o755, mtime: new Date(0) }, program);
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Starts a plan in a new sandbox's folder. */
export async function openTarget(plan: CriPlan, sandbox: Sandbox): Promise<CriTarget> {
  const socket = await plan.start(sandbox, makeNetwork(sandbox));
  return connectTarget(plan, sandbox, socket);
}

/** Connects to a CRI that was started. */
export function connectTarget(plan: CriPlan, sandbox: Sandbox, socket: string): CriTarget {
  const layer = plan.kind === "control" ? "containerd" : "dockershim";
  const { services, close } = connectCri(socket, { layer });
  sandbox.onClose(close);
  const image = plan.kind === "control" ? IMAGE : SHORT_IMAGE;
  return { plan, socket, services, sandbox, image };
}
