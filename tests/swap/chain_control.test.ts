import { startGenuineContainerd } from "../lib/genuine_stack.ts";
import { GENUINE_STACK } from "./chain_plans.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";

// The control: the scenario itself is tested on the genuine stack, else a failure on ours would
// prove nothing.

describeChain(GENUINE_STACK);

describeChain({
  name: "ctr, genuine containerd, shim, runc",
  boxes: ["genuine containerd", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startGenuineContainerd(sandbox);
    return { client: new CtrClient(sandbox, containerd.socket), daemons: [containerd] };
  },
});
