import { binPath } from "#lib/install/install_paths.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";
import { DockerClient } from "./docker_client.ts";

// Our runtime below genuine links only.

describeChain({
  name: "ctr, genuine containerd and shim, our runc (--runc-binary)",
  boxes: ["genuine containerd", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const flags = ["--runc-binary", binPath("catena-runc")];
    return { client: new CtrClient(sandbox, containerd.socket, flags), daemons: [containerd] };
  },
});

describeChain({
  name: "docker CLI, genuine dockerd, containerd and shim, our runc (--add-runtime)",
  boxes: ["docker cli", "genuine dockerd", "genuine containerd", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const dockerd = await startGenuineDockerd(sandbox, {
      containerd: containerd.socket,
      runtimes: { catena: binPath("catena-runc") },
    });
    const client = new DockerClient(sandbox, dockerd.socket, "catena");
    return { client, daemons: [containerd, dockerd] };
  },
});
