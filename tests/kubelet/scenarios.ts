import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupsOf } from "../lib/cgroup_tree.ts";
import { mountsBelow } from "../lib/mount_table.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { execOverWebSocket, upgradeOnly } from "./exec_client.ts";
import type { KubeletUnderTest } from "./kubelet_under_test.ts";

const LIMIT_MS = 180_000;

/** What the scenarios of one runtime share. */
export interface ScenarioStack {
  sandbox: Sandbox;
  /** There once the scenarios run. */
  kubelet: KubeletUnderTest;
  /** Where pods leave signs on the host. */
  hostFolder: string;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of the Kubernetes API
const first = (pod: any) => pod.status.containerStatuses[0];
// biome-ignore lint/suspicious/noExplicitAny: the same
const isReady = (pod: any) =>
  pod.status.conditions.some(
    (one: { type: string; status: string }) => one.type === "Ready" && one.status === "True",
  );

const scenario = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);

/** Probes and what they decide. */
export function probeScenarios(stack: ScenarioStack): void {
  scenario("probes of every kind make a pod ready", async () => {
    const ready = await stack.kubelet.podWhen("probed", "is ready", isReady);
    expect(ready.status.phase).toBe("Running");
    expect(ready.status.qosClass).toBe("BestEffort");
  });

  scenario("a failing liveness probe ends its container, and that alone", async () => {
    const before = await stack.kubelet.pod("probed");
    const removed = await stack.kubelet.fetch("/run/default/probed-node/web?cmd=rm&cmd=/alive", {
      method: "POST",
    });
    expect(removed.status).toBe(200);
    const after = await stack.kubelet.podWhen("probed", "was restarted and is ready", (pod) => {
      return first(pod).restartCount === 1 && isReady(pod);
    });
    const side = (pod: typeof before) => pod.status.containerStatuses[1].containerID;
    expect(side(after)).toBe(side(before));
    expect(first(after).lastState.terminated).toBeDefined();
    await stack.kubelet.event("Unhealthy", "probed", /^Liveness probe failed: /);
    await stack.kubelet.event("Killing", "probed", /web failed liveness probe, will be restarted/);
  });
}

/** Containers in their order, with their limits and variables. */
export function orderScenarios(stack: ScenarioStack): void {
  scenario("init container, sidecar, main container: in order, with what env says", async () => {
    await stack.kubelet.podWhen("ordered", "is ready", isReady);
    const log = await waitUntil("the log is whole", async () => {
      const text = await stack.kubelet.text("/containerLogs/default/ordered-node/main");
      return text.includes('team="blue"') && text;
    });
    expect(log.split("\n").filter((line) => line !== "trouble")).toEqual([
      "ordered-node/blue $(POD) 64",
      ...["first", "proxy", "main"],
      'team="blue"',
      "",
    ]);
    expect(log).toContain("trouble");
    const tail = await stack.kubelet.text("/containerLogs/default/ordered-node/main?tailLines=1");
    expect(tail).toMatch(/^[^\n]+\n$/);
  });

  scenario("limits are in the pod's cgroup tree, and in the metrics", async () => {
    const pod = await stack.kubelet.podWhen("ordered", "is ready", isReady);
    expect(pod.status.qosClass).toBe("Burstable");
    const path = `/${stack.sandbox.tag}/kubepods/burstable/pod${pod.metadata.uid}`;
    const id = first(pod).containerID.replace("cri://", "");
    const read = (file: string) => readFileSync(`/sys/fs/cgroup/${file}`, "utf8").trim();
    expect(read(`pids${path}/pids.max`)).toBe("200");
    expect(read(`memory${path}/${id}/memory.limit_in_bytes`)).toBe(String(64 * 2 ** 20));
    expect(read(`cpu${path}/${id}/cpu.cfs_quota_us`)).toBe("50000");
    expect(read(`cpu${path}/${id}/cpu.shares`)).toBe("256");
    const metrics = await stack.kubelet.text("/metrics/cadvisor");
    const row = (name: string, container: string) =>
      metrics.match(
        new RegExp(`^${name}{container="${container}",.*pod="ordered-node"} (.*)$`, "m"),
      );
    expect(row("container_threads_max", "")![1]).toBe("200");
    expect(Number(row("container_threads", "main")![1])).toBeGreaterThan(0);
    expect(row("container_spec_memory_limit_bytes", "main")![1]).toBe(String(64 * 2 ** 20));
    const summary = await stack.kubelet.json("/stats/summary");
    const podRef = summary.pods.find((one: { podRef: { name: string } }) =>
      one.podRef.name.startsWith("ordered"),
    );
    expect(podRef.containers.map((one: { name: string }) => one.name).sort()).toEqual([
      "main",
      "proxy",
    ]);
  });
}

/** How containers and pods end. */
export function endScenarios(stack: ScenarioStack): void {
  scenario("a crashing container waits longer each time", async () => {
    const pod = await stack.kubelet.podWhen("crashing", "is in back-off", (one) => {
      return (
        first(one).state.waiting?.reason === "CrashLoopBackOff" && first(one).restartCount >= 2
      );
    });
    const { terminated } = first(pod).lastState;
    expect(terminated.exitCode).toBe(3);
    expect(terminated.message).toBe("last words\n");
    expect(first(pod).state.waiting.message).toMatch(
      /^back-off \d+s restarting failed container=app/,
    );
    await stack.kubelet.event("BackOff", "crashing", /Back-off restarting failed container app/);
  });

  scenario("restart policies end pods as they say", async () => {
    await stack.kubelet.podWhen("succeeds", "succeeded", (one) => one.status.phase === "Succeeded");
    const failed = await stack.kubelet.podWhen(
      "fails",
      "failed",
      (one) => one.status.phase === "Failed",
    );
    expect(first(failed).state.terminated.exitCode).toBe(4);
    expect(first(failed).restartCount).toBe(0);
    const second = await stack.kubelet.podWhen("onfailure", "succeeded", (one) => {
      return one.status.phase === "Succeeded";
    });
    expect(first(second).restartCount).toBe(1);
  });

  scenario("a missing image is said to be missing", async () => {
    const never = await stack.kubelet.podWhen("missing-never", "waits", (one) => {
      return first(one).state.waiting?.reason === "ErrImageNeverPull";
    });
    expect(never.status.phase).toBe("Pending");
    await stack.kubelet.podWhen("missing-ifnotpresent", "waits", (one) => {
      return first(one).state.waiting?.reason === "ImagePullBackOff";
    });
    await stack.kubelet.event(
      "Failed",
      "missing-ifnotpresent",
      /Failed to pull image "localhost:1/,
    );
  });
}

/** What is told and served. */
export function faceScenarios(stack: ScenarioStack): void {
  scenario("a bad manifest is told, and the others run", async () => {
    await stack.kubelet.event("FailedValidation", undefined, /spec\.containers: Required value/);
    await stack.kubelet.event("UnknownField", undefined, /spec\.a: unknown field/);
    const { items } = await stack.kubelet.json("/manifests");
    expect(items.filter((one: { errors: unknown[] }) => one.errors.length > 0)).toHaveLength(1);
  });

  scenario("exec goes through to the runtime's streaming server", async () => {
    const url = "/exec/default/probed-node/side?command=echo&command=hello&output=1&error=1";
    expect(await execOverWebSocket(stack.kubelet, url)).toBe("hello\n");
    expect(await upgradeOnly(stack.kubelet, url)).toStartWith("HTTP/1.1 101 ");
    const unauthorized = await stack.kubelet.fetch("/containerLogs/default/probed-node/side", {
      headers: { authorization: "Bearer no" },
    });
    expect(unauthorized.status).toBe(401);
  });

  scenario("a kubelet that starts again finds its pods as they are", async () => {
    const before = await stack.kubelet.podWhen("probed", "is ready", isReady);
    await stack.kubelet.stop();
    await stack.kubelet.start();
    const after = await stack.kubelet.podWhen("probed", "is ready", isReady);
    expect(first(after).containerID).toBe(first(before).containerID);
  });
}

/** Logs that grow. */
export function logScenarios(stack: ScenarioStack): void {
  scenario("a log that grows is put aside, and goes on", async () => {
    const { metadata } = await stack.kubelet.podWhen("chatty", "is ready", isReady);
    const name = `${metadata.namespace}_${metadata.name}_${metadata.uid}`;
    const folder = stack.sandbox.path("kubelet", "root", "logs", name, "app");
    await waitUntil("the log was put aside", () => readdirSync(folder).length > 1);
    const log = "/containerLogs/default/chatty-node/app?tailLines=1&timestamps=1";
    const before = await stack.kubelet.text(log);
    await waitUntil("new lines come", async () => {
      const now = await stack.kubelet.text(log);
      return now !== "" && now !== before;
    });
  });

  scenario("who has no token sees no values of variables", async () => {
    const read = async (authorization: string) =>
      (await stack.kubelet.fetch("/pods", { headers: { authorization } })).text();
    expect(await read("")).not.toContain("$(POD)/$(TEAM)");
    expect(await read(`Bearer ${stack.kubelet.token}`)).toContain("$(POD)/$(TEAM)");
  });
}

/** A pod whose manifest goes. */
export function goneScenarios(stack: ScenarioStack): void {
  scenario("a pod whose manifest goes ends gracefully, and nothing of it is left", async () => {
    const { metadata } = await stack.kubelet.podWhen("hooked", "is ready", isReady);
    const signed = join(stack.hostFolder, "hooked", "signed");
    expect(readFileSync(signed, "utf8")).toBe("postStart\n");
    stack.kubelet.remove("hooked.json");
    await waitUntil("the pod is gone", async () => !(await stack.kubelet.pod("hooked")));
    expect(readFileSync(signed, "utf8")).toBe("postStart\npreStop\nterm\n");
    expect(cgroupsOf(metadata.uid)).toEqual([]);
    const folder = stack.sandbox.path("kubelet", "root", "pods", metadata.uid);
    expect(existsSync(folder)).toBe(false);
    expect(mountsBelow(folder)).toEqual([]);
  });
}
