import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { mustRun } from "../lib/command.ts";
import { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { podImages } from "./pod_images.ts";

/** `catena daemon` with the images of the test's pods: dockershim, dockerd and containerd. */
export async function startOurStack(sandbox: Sandbox) {
  const daemon = await startCatenaDaemon(sandbox);
  await loadImages(sandbox, daemon.socket);
  return { cri: join(daemon.state, "cri.sock"), docker: daemon.socket, pid: daemon.pid };
}

/**
 * Our dockershim on Debian's dockerd and containerd; returns the CRI's socket. containerd finds its
 * runtime in `folders` before its PATH.
 */
export async function startOnDebianDockerd(
  sandbox: Sandbox,
  folders: string[] = [],
): Promise<string> {
  const containerd = await startGenuineContainerd(sandbox, folders);
  const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
  await loadImages(sandbox, dockerd.socket);
  return startDockershim(sandbox, dockerd.socket);
}

/** Our dockershim on a Docker; returns the CRI's socket. */
export async function startDockershim(sandbox: Sandbox, docker: string): Promise<string> {
  const state = sandbox.path("dockershim", "state");
  const socket = join(state, "cri.sock");
  await Daemon.start(sandbox, {
    name: "catena-dockershim",
    socket,
    argv: [
      ...[binPath("catena"), "dockershim", "--docker", docker],
      ...["--root", sandbox.path("dockershim", "root"), "--state", state],
    ],
  });
  return socket;
}

/** Loads the images of the tests' pods into a Docker. */
export async function loadImages(sandbox: Sandbox, docker: string): Promise<void> {
  await mustRun(["docker", "-H", `unix://${docker}`, "load", "-i", await podImages(sandbox)]);
}
