import { binPath } from "#lib/install/install_paths.ts";
import { Daemon } from "./daemon.ts";
import type { PrivateNetwork } from "./private_network.ts";
import type { Sandbox } from "./sandbox.ts";

/** Tests leave the host's network as it is. Those of networks make one of their own. */
const NO_BRIDGE = ["--bridge", "none"];

/** `catena daemon`: dockerd and containerd in one process. Its sockets lie in the state folder. */
export async function startCatenaDaemon(
  sandbox: Sandbox,
  flags: string[] = [],
): Promise<Daemon & CatenaFolders> {
  return start(sandbox, "daemon", "docker.sock", [...NO_BRIDGE, ...flags]);
}

/** `catena containerd`: our containerd alone. It looks for shims in `folders` before its PATH. */
export async function startCatenaContainerd(
  sandbox: Sandbox,
  folders: string[] = [],
): Promise<Daemon & CatenaFolders> {
  return start(sandbox, "containerd", "containerd.sock", [], folders);
}

/** `catena dockerd --containerd SOCKET`: our dockerd alone, on any containerd. */
export async function startCatenaDockerd(
  sandbox: Sandbox,
  containerd: string,
  flags: string[] = [],
): Promise<Daemon & CatenaFolders> {
  const more = ["--containerd", containerd, ...NO_BRIDGE, ...flags];
  return start(sandbox, "dockerd", "docker.sock", more);
}

/** `catena dockershim --docker SOCKET`: our dockershim alone, on any Docker. */
export async function startCatenaDockershim(
  sandbox: Sandbox,
  docker: string,
  flags: string[] = [],
): Promise<Daemon & CatenaFolders> {
  return start(sandbox, "dockershim", "cri.sock", ["--docker", docker, ...flags]);
}

export interface CatenaFolders {
  root: string;
  state: string;
}

/** The same, in a network of the test's own, with bridge networks. */
export async function startCatenaDaemonOn(
  sandbox: Sandbox,
  network: PrivateNetwork,
  flags: string[] = [],
): Promise<Daemon & CatenaFolders> {
  return start(sandbox, "daemon", "docker.sock", flags, [], network);
}

async function start(
  sandbox: Sandbox,
  link: string,
  socketName: string,
  more: string[],
  folders: string[] = [],
  network?: PrivateNetwork,
): Promise<Daemon & CatenaFolders> {
  const root = sandbox.path(`catena-${link}`, "root");
  const state = sandbox.path(`catena-${link}`, "state");
  const argv = [binPath("catena"), link, "--root", root, "--state", state, ...more];
  const daemon = await Daemon.start(sandbox, {
    name: `catena-${link}`,
    socket: sandbox.path(`catena-${link}`, "state", socketName),
    env: { CATENA_STATE: state, PATH: [...folders, process.env["PATH"] ?? ""].join(":") },
    argv: network ? network.enter(argv) : argv,
  });
  return Object.assign(daemon, { root, state });
}
