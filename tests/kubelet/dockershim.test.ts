import { startOnDebianDockerd, startOurStack } from "./dockershim_stack.ts";
import { podScenario } from "./pod_scenario.ts";

podScenario("our dockershim on our dockerd", async (sandbox) => (await startOurStack(sandbox)).cri);
podScenario("our dockershim on Debian's dockerd", (sandbox) => startOnDebianDockerd(sandbox));
