import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { startGenuineDockerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { DockerClient } from "./docker_client.ts";

// The genuine dockerd takes our containerd for the genuine one.

describeChain({
  name: "docker CLI, genuine dockerd, our containerd, genuine shim and runc",
  boxes: ["docker cli", "genuine dockerd", "catena containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startCatenaContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    return { client: new DockerClient(sandbox, dockerd.socket), daemons: [containerd, dockerd] };
  },
});
