import { afterAll, expect, test } from "bun:test";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { startOurStack } from "./dockershim_stack.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

const LIMIT_MS = 240_000;
const PODS = 6;
const KILLS = 5;
const READY_MS = 120_000;
const sandbox = new Sandbox();

afterAll(() => sandbox.close(), LIMIT_MS);

test(
  "a kubelet that is killed while it starts pods leaves one of each in the end",
  async () => {
    const { cri } = await startOurStack(sandbox);
    const kubelet = await KubeletUnderTest.start(sandbox, { cri });
    const items = Array.from({ length: PODS }, (_, index) =>
      pod(`p${index}`, {
        terminationGracePeriodSeconds: 1,
        initContainers: [shell("init", "true")],
        containers: [shell("a", STAY), shell("b", STAY)],
      }),
    );
    kubelet.write("pods.json", { apiVersion: "v1", kind: "PodList", items });
    for (let kill = 0; kill < KILLS; kill++) {
      // Longer each time, so that it dies at another step of a pod's start.
      await Bun.sleep(100 + 150 * kill);
      await kubelet.kill();
      await kubelet.start();
    }
    const running = () => kubelet.json("/runningpods").then((list) => list.items);
    await waitUntil(
      "every pod runs once, with both containers",
      async () => {
        const all = await kubelet.json("/pods").then((list) => list.items);
        const ready = all.filter(
          (one: { status: { conditions: { type: string; status: string }[] } }) =>
            one.status.conditions.some(({ type, status }) => type === "Ready" && status === "True"),
        );
        return ready.length === PODS && (await running()).length === PODS;
      },
      READY_MS,
    );
    for (const one of await running()) {
      const names = one.spec.containers.map(({ name }: { name: string }) => name);
      expect(names.sort()).toEqual(["a", "b"]);
    }
  },
  LIMIT_MS,
);
