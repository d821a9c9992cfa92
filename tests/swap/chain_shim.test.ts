import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";

// Our shim, with our runtime as its library, below the genuine containerd.

describeChain({
  name: "ctr, genuine containerd, our shim (--runtime io.containerd.catena.v2) and runc",
  boxes: ["genuine containerd", "catena shim", "catena runc"],
  explainsLimits: true,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    const flags = ["--runtime", "io.containerd.catena.v2"];
    return { client: new CtrClient(sandbox, containerd.socket, flags), daemons: [containerd] };
  },
});
