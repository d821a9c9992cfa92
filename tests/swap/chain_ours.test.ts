import {
  startCatenaContainerd,
  startCatenaDaemon,
  startCatenaDockerd,
} from "../lib/catena_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";
import { DockerClient } from "./docker_client.ts";

describeChain({
  name: "docker CLI, our daemon (dockerd and containerd collapsed), shim, runc",
  boxes: ["docker cli", "catena daemon", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const daemon = await startCatenaDaemon(sandbox);
    return { client: new DockerClient(sandbox, daemon.socket), daemons: [daemon] };
  },
});

describeChain({
  name: "ctr, our daemon, shim, runc",
  boxes: ["genuine containerd", "catena daemon", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const daemon = await startCatenaDaemon(sandbox);
    const socket = `${daemon.state}/containerd.sock`;
    const client = new CtrClient(sandbox, socket, ["--runtime", "io.containerd.catena.v2"]);
    return { client, daemons: [daemon] };
  },
});

describeChain({
  name: "docker CLI, our dockerd, containerd, shim, runc, each its own process",
  boxes: ["docker cli", "catena dockerd", "catena containerd", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startCatenaContainerd(sandbox);
    const dockerd = await startCatenaDockerd(sandbox, containerd.socket);
    return { client: new DockerClient(sandbox, dockerd.socket), daemons: [containerd, dockerd] };
  },
});
