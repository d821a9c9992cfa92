import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";
import { DockerClient } from "./docker_client.ts";

// The control: the scenario itself is tested on the genuine stack, else a failure on ours would
// prove nothing.

describeChain({
  name: "docker CLI, genuine dockerd, containerd, shim, runc",
  boxes: ["docker cli", "genuine dockerd", "genuine containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    return { client: new DockerClient(sandbox, dockerd.socket), daemons: [containerd, dockerd] };
  },
});

describeChain({
  name: "ctr, genuine containerd, shim, runc",
  boxes: ["genuine containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    return { client: new CtrClient(sandbox, containerd.socket), daemons: [containerd] };
  },
});
