import { GENUINE, shimDisguised, startGenuineContainerd } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";

// Our shim below the genuine containerd: with our runtime as its library, and with the genuine one
// as a program.

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

describeChain({
  name: "ctr, genuine containerd, our shim, genuine runc",
  boxes: ["genuine containerd", "catena shim", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox, [shimDisguised(sandbox)]);
    const flags = ["--runtime", "io.containerd.runc.v2", "--runc-binary", GENUINE.runc];
    return { client: new CtrClient(sandbox, containerd.socket, flags), daemons: [containerd] };
  },
});
