import { startCatenaDockerd } from "../lib/catena_stack.ts";
import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { DockerClient } from "./docker_client.ts";

// Our dockerd between the genuine docker CLI and the genuine containerd.

describeChain({
  name: "docker CLI, our dockerd, genuine containerd, our shim and runc",
  boxes: ["docker cli", "catena dockerd", "genuine containerd", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startCatenaDockerd(sandbox, containerd.socket);
    const client = new DockerClient(sandbox, dockerd.socket, "catena");
    return { client, daemons: [containerd, dockerd] };
  },
});

describeChain({
  name: "docker CLI, our dockerd, genuine containerd, shim and runc",
  boxes: ["docker cli", "catena dockerd", "genuine containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startCatenaDockerd(sandbox, containerd.socket);
    const client = new DockerClient(sandbox, dockerd.socket, "runc");
    return { client, daemons: [containerd, dockerd] };
  },
});
