import {
  startCatenaContainerd,
  startCatenaDaemon,
  startCatenaDockerd,
} from "../lib/catena_stack.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import type { ChainPlan } from "./chain_under_test.ts";
import { CtrClient } from "./ctr_client.ts";
import { DockerClient } from "./docker_client.ts";

/** The docker CLI on our daemon: the stack as it is installed. */
export const OUR_DAEMON: ChainPlan = {
  name: "docker CLI, our daemon (dockerd and containerd collapsed), shim, runc",
  boxes: ["docker cli", "catena daemon", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const daemon = await startCatenaDaemon(sandbox);
    return { client: new DockerClient(sandbox, daemon.socket), daemons: [daemon] };
  },
};

/** The genuine ctr at the side door of our daemon. */
export const CTR_ON_OUR_DAEMON: ChainPlan = {
  name: "ctr, our daemon, shim, runc",
  boxes: ["genuine containerd", "catena daemon", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const daemon = await startCatenaDaemon(sandbox);
    const socket = `${daemon.state}/containerd.sock`;
    const client = new CtrClient(sandbox, socket, ["--runtime", "io.containerd.catena.v2"]);
    return { client, daemons: [daemon] };
  },
};

/** The docker CLI on our boxes, each in a process of its own. */
export const OUR_SPLIT_STACK: ChainPlan = {
  name: "docker CLI, our dockerd, containerd, shim, runc, each its own process",
  boxes: ["docker cli", "catena dockerd", "catena containerd", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startCatenaContainerd(sandbox);
    const dockerd = await startCatenaDockerd(sandbox, containerd.socket);
    return { client: new DockerClient(sandbox, dockerd.socket), daemons: [containerd, dockerd] };
  },
};

/** The docker CLI on Debian's daemons: the control. */
export const GENUINE_STACK: ChainPlan = {
  name: "docker CLI, genuine dockerd, containerd, shim, runc",
  boxes: ["docker cli", "genuine dockerd", "genuine containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    return { client: new DockerClient(sandbox, dockerd.socket), daemons: [containerd, dockerd] };
  },
};
