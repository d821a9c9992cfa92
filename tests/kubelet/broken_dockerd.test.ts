import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon, startCatenaDockershim } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { loadImages } from "./dockershim_stack.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

// The Docker below the dockershim hangs, dies, comes back: the node's and the pod's status and an
// event say which link it is, the kubelet answers, and the pod runs on as it was.

const LIMIT_MS = 240_000;

const NOT_EXECUTED = /^catena_probe_not_executed_total{.*cause="([^"]*)"/gm;

const STACKS = [
  { name: "our dockerd", boxes: ["docker cli"] as const, start: startCatenaDaemon },
  {
    name: "Debian's dockerd",
    boxes: ["docker cli", "genuine containerd", "genuine dockerd"] as const,
    start: async (sandbox: Sandbox) => {
      const containerd = await startGenuineContainerd(sandbox);
      return startGenuineDockerd(sandbox, { containerd: containerd.socket });
    },
  },
];

const probed = pod("one", {
  containers: [
    shell("app", STAY, {
      livenessProbe: {
        exec: { command: ["true"] },
        ...{ periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 1 },
      },
    }),
  ],
});

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of the Kubernetes API
const condition = (object: any, type: string) =>
  object.status.conditions.find((one: { type: string }) => one.type === type);

for (const stack of STACKS) {
  const reason = reasonToSkip([...stack.boxes]);
  const name = `a broken dockerd: ${stack.name}`;
  describe.skipIf(reason !== undefined)(reason ? `${name} [skipped: ${reason}]` : name, () => {
    const sandbox = new Sandbox();
    let dockerd: Daemon;
    let kubelet: KubeletUnderTest;
    const ready = () =>
      kubelet.podWhen("one", "is ready", (one) => condition(one, "Ready").status === "True");
    const id = (one: { status: { containerStatuses: { containerID: string }[] } }) =>
      one.status.containerStatuses[0]!.containerID;

    beforeAll(async () => {
      dockerd = await stack.start(sandbox);
      await loadImages(sandbox, dockerd.socket);
      const shim = await startCatenaDockershim(sandbox, dockerd.socket);
      const flags = ["--cri-timeout", "2"];
      kubelet = await KubeletUnderTest.start(sandbox, { cri: shim.socket, flags });
      kubelet.write("one.json", probed);
    }, LIMIT_MS);

    afterAll(() => sandbox.close(), LIMIT_MS);

    const step = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);

    /** What is told while it is broken; and that the pod is as it was afterwards. */
    async function whileBroken(
      breakIt: () => Promise<void>,
      mend: () => Promise<void>,
      meanwhile: () => Promise<unknown> = async () => {},
    ) {
      const before = id(await ready());
      await breakIt();
      let told: { catena: Record<string, string>; message: string };
      try {
        await waitUntil("the node is not ready", async () => {
          return condition(await kubelet.json("/node"), "Ready").status === "False";
        });
        told = (await kubelet.events("RuntimeUnavailable")).at(-1);
        const one = await kubelet.pod("one");
        expect(condition(one, "Ready").status).toBe("Unknown");
        expect(one.status.reason).toBe("RuntimeUnavailable");
        await meanwhile();
      } finally {
        await mend();
      }
      const after = await ready();
      expect(id(after)).toBe(before);
      expect(after.status.containerStatuses[0].restartCount).toBe(0);
      return told;
    }

    step("that hangs is named, and the pod is as it was afterwards", async () => {
      const signal = (word: "SIGSTOP" | "SIGCONT") => async () =>
        void process.kill(dockerd.pid, word);
      // The dockershim answers: a probe that cannot be executed is no hang of the CRI.
      const probe = () =>
        waitUntil("a probe is counted by its cause", async () => {
          const causes = [...(await kubelet.text("/metrics")).matchAll(NOT_EXECUTED)];
          expect(causes.map(([, cause]) => cause)).not.toContain("cri-hung");
          return causes.some(([, cause]) => cause === "dockerd-hung");
        });
      const { message, catena } = await whileBroken(signal("SIGSTOP"), signal("SIGCONT"), probe);
      expect(catena).toMatchObject({ causeId: "dockerd-hung", link: "dockerd" });
      expect(message).toContain(`${dockerd.socket} accepts requests and does not answer them`);
    });

    step("that was killed is named, and the pod is as it was afterwards", async () => {
      const { message, catena } = await whileBroken(
        () => dockerd.kill(),
        () => dockerd.start(),
      );
      expect(catena).toMatchObject({ causeId: "dockerd-down", link: "dockerd" });
      expect(message).toContain("Is the docker daemon running?");
    });
  });
}
