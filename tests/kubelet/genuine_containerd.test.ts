import { startCriContainerd } from "./cri_containerd.ts";
import { podScenario } from "./pod_scenario.ts";

podScenario("Debian's containerd", async (sandbox) => (await startCriContainerd(sandbox)).socket);
