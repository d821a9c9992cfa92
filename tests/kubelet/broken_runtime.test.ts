import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Daemon } from "../lib/daemon.ts";
import { processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { criSocket, startCriContainerd } from "./cri_containerd.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

// A runtime that is not there, that hangs, that dies: status and events say so, every call ends,
// and pods that nothing is wrong with go on.

const LIMIT_MS = 180_000;

const probed = (name: string) =>
  pod(name, {
    containers: [
      shell("app", STAY, {
        readinessProbe: {
          exec: { command: ["true"] },
          periodSeconds: 1,
          timeoutSeconds: 10,
          failureThreshold: 1,
        },
      }),
    ],
  });

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of the Kubernetes API
const condition = (object: any, type: string) =>
  object.status.conditions.find((one: { type: string }) => one.type === type);

describe("a broken runtime", () => {
  const sandbox = new Sandbox();
  let kubelet: KubeletUnderTest;
  let containerd: Daemon;
  const ready = (name: string) =>
    kubelet.podWhen(name, "is ready", (one) => condition(one, "Ready").status === "True");
  const broken = (causeId: string) =>
    waitUntil(`the node says ${causeId}`, async () =>
      (await kubelet.events("RuntimeUnavailable")).find((one) => one.catena.causeId === causeId),
    );

  beforeAll(async () => {
    const flags = ["--cri-timeout", "2"];
    kubelet = await KubeletUnderTest.start(sandbox, { cri: criSocket(sandbox), flags });
    kubelet.write("one.json", probed("one"));
    kubelet.write("two.json", probed("two"));
  }, LIMIT_MS);

  afterAll(async () => {
    // The runtime was started after it, and must be there until the pods are gone.
    await kubelet.close();
    await sandbox.close();
  }, LIMIT_MS);

  const step = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);

  step("that is not there yet is said to be missing, and pods start when it comes", async () => {
    const event = await broken("cri-down");
    expect(event.message).toContain("no container runtime serves");
    const one = await kubelet.podWhen("one", "knows", (found) => {
      return found.status.reason === "RuntimeUnavailable";
    });
    expect(one.status.phase).toBe("Pending");
    expect(await kubelet.text("/healthz")).toStartWith("ok\ncontainer runtime: ");
    containerd = await startCriContainerd(sandbox);
    await Promise.all([ready("one"), ready("two")]);
    expect(await kubelet.text("/healthz")).toBe("ok");
  });

  step("that hangs is said to hang; the kubelet answers, and goes on after it", async () => {
    process.kill(containerd.pid, "SIGSTOP");
    try {
      const event = await broken("cri-hung");
      expect(event.message).toContain("accepts calls and does not answer them");
      const one = await kubelet.pod("one");
      expect(condition(one, "Ready").status).toBe("Unknown");
      expect(condition(await kubelet.json("/node"), "Ready").status).toBe("False");
    } finally {
      process.kill(containerd.pid, "SIGCONT");
    }
    await ready("one");
    await kubelet.event("RuntimeReady", undefined, /answers/);
  });

  step("whose shim hangs for one pod leaves the other alone", async () => {
    const { metadata } = await ready("one");
    const before = await ready("two");
    const ids = await sandboxIds(kubelet, metadata.uid);
    const shim = processesOf(sandbox.folder, sandbox.tag).find(
      ({ command }) =>
        command.includes("containerd-shim") && ids.some((id) => command.includes(id)),
    );
    process.kill(shim!.pid, "SIGSTOP");
    try {
      const event = await kubelet.event("ProbeNotExecuted", "one", /no answer within/);
      expect(event.message).toContain("this is no failure of the application");
      expect(event.catena.causeId).toBe("shim-hung");
      expect(event.catena.cause).toMatch(/^process \d+ \(containerd-shim\) is stopped/);
      expect(event.catena.fix).toBe(`kill -CONT ${shim!.pid}`);
      const two = await kubelet.pod("two");
      expect(condition(two, "Ready").status).toBe("True");
      expect(two.status.containerStatuses[0].containerID).toBe(
        before.status.containerStatuses[0].containerID,
      );
    } finally {
      process.kill(shim!.pid, "SIGCONT");
    }
    await kubelet.event("ProbeExecutable", "one", /can be executed again/);
  });

  step("that is killed and comes back finds its pods running", async () => {
    const before = await ready("two");
    await containerd.kill();
    await waitUntil("the node is not ready", async () => {
      return condition(await kubelet.json("/node"), "Ready").status === "False";
    });
    await containerd.start();
    const after = await ready("two");
    expect(after.status.containerStatuses[0].containerID).toBe(
      before.status.containerStatuses[0].containerID,
    );
  });
});

async function sandboxIds(kubelet: KubeletUnderTest, uid: string): Promise<string[]> {
  const { items } = await kubelet.json("/runningpods");
  return items
    .filter((one: { metadata: { uid: string } }) => one.metadata.uid === uid)
    .map((one: { metadata: { annotations: Record<string, string> } }) => {
      return one.metadata.annotations["catena.dev/sandbox"];
    });
}
