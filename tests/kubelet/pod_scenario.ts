import { afterAll, beforeAll, describe } from "bun:test";
import { join } from "node:path";
import { Sandbox } from "../lib/sandbox.ts";
import { startHealthServer } from "./health_server.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import {
  chattyPod,
  crashingPod,
  hookedPod,
  missingImagePod,
  neverPod,
  onFailurePod,
  orderedPod,
  probedPod,
} from "./scenario_pods.ts";
import {
  endScenarios,
  faceScenarios,
  goneScenarios,
  logScenarios,
  orderScenarios,
  probeScenarios,
  type ScenarioStack,
} from "./scenarios.ts";

const LIMIT_MS = 180_000;

/** Starts a runtime with the test's images; returns the socket of its CRI. */
export type StartRuntime = (sandbox: Sandbox) => Promise<string>;

/** What pods must do, over any CRI runtime. */
export function podScenario(name: string, startRuntime: StartRuntime): void {
  describe(`pods over ${name}`, () => {
    const sandbox = new Sandbox();
    const stack = { sandbox, hostFolder: join(sandbox.folder, "host") } as ScenarioStack;

    beforeAll(async () => {
      const cri = await startRuntime(sandbox);
      const health = await startHealthServer();
      sandbox.onClose(() => health.close());
      const flags = ["--pod-pids-limit", "200", "--log-max-bytes", "8192"];
      stack.kubelet = await KubeletUnderTest.start(sandbox, { cri, flags });
      writePods(stack, health.port);
    }, LIMIT_MS);

    afterAll(() => sandbox.close(), LIMIT_MS);

    probeScenarios(stack);
    orderScenarios(stack);
    endScenarios(stack);
    faceScenarios(stack);
    logScenarios(stack);
    goneScenarios(stack);
  });
}

/** All pods at once, so that they start while others are looked at. */
function writePods({ kubelet, hostFolder }: ScenarioStack, grpc: number): void {
  const http = 20_000 + (process.pid % 10_000);
  kubelet.write("probed.json", probedPod({ http, grpc }));
  kubelet.write("ordered.json", orderedPod());
  kubelet.write("crashing.json", crashingPod());
  kubelet.write("onfailure.json", onFailurePod(join(hostFolder, "onfailure")));
  kubelet.write("never.json", {
    apiVersion: "v1",
    kind: "PodList",
    items: [neverPod("fails", 4), neverPod("succeeds", 0)],
  });
  kubelet.write("hooked.json", hookedPod(join(hostFolder, "hooked")));
  kubelet.write("chatty.json", chattyPod());
  kubelet.write("missing.json", missingImagePod("Never"));
  kubelet.write("pulled.json", missingImagePod("IfNotPresent"));
  kubelet.write("bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {a: 1}\n");
}
