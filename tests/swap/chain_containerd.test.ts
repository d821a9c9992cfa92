import { binPath } from "#lib/install/install_paths.ts";
import type { Box } from "../lib/box_probe.ts";
import { startCatenaContainerd } from "../lib/catena_stack.ts";
import { GENUINE, shimDisguised } from "../lib/genuine_stack.ts";
import { describeChain } from "./chain_scenario.ts";
import { CtrClient } from "./ctr_client.ts";

// Our containerd between the genuine ctr and every kind of shim and runtime.

function describeBelow(name: string, boxes: Box[], explainsLimits: boolean, flags: string[]): void {
  describeChain({
    name: `ctr, our containerd, ${name}`,
    boxes: ["genuine containerd", "catena containerd", ...boxes],
    explainsLimits,
    async start(sandbox) {
      const containerd = await startCatenaContainerd(sandbox);
      return { client: new CtrClient(sandbox, containerd.socket, flags), daemons: [containerd] };
    },
  });
}

describeBelow("our shim and runc", ["catena shim", "catena runc"], true, [
  ...["--runtime", "io.containerd.catena.v2"],
]);
describeBelow("genuine shim and runc", ["genuine runc"], false, [
  ...["--runtime", "io.containerd.runc.v2", "--runc-binary", GENUINE.runc],
]);
describeBelow("genuine shim, our runc", ["catena runc"], true, [
  ...["--runtime", "io.containerd.runc.v2", "--runc-binary", binPath("catena-runc")],
]);

describeChain({
  name: "ctr, our containerd, our shim, genuine runc",
  boxes: ["genuine containerd", "catena containerd", "catena shim", "genuine runc"],
  explainsLimits: false,
  async start(sandbox) {
    const containerd = await startCatenaContainerd(sandbox, [shimDisguised(sandbox)]);
    const flags = ["--runtime", "io.containerd.runc.v2", "--runc-binary", GENUINE.runc];
    return { client: new CtrClient(sandbox, containerd.socket, flags), daemons: [containerd] };
  },
});
