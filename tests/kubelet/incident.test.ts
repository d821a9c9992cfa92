import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { mustRun } from "../lib/command.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { startCriContainerd } from "./cri_containerd.ts";
import { startOnDebianDockerd, startOurStack } from "./dockershim_stack.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { pod, shell } from "./scenario_pods.ts";
import { slowRunc } from "./slow_runc.ts";

// A pod leaks processes up to its limit, and its probes cannot be executed any more. Genuine links
// say `read init-p: connection reset by peer` for ever; the kubelet says once what is wrong.

const LIMIT_MS = 180_000;
const LEAKED = 30;
const SEEN_TIMES = 3;
/** Of pods on the host's network, for test processes side by side. */
const FIRST_PORT = 30_000 + (process.pid % 2_000) * 4;

/**
 * Leaks sleepers to the last free place, and then serves `port`: that its probes wait for, without
 * a process in the container, so that none of them takes a place while it leaks.
 */
function leakingPod(port: number): object {
  // Genuine links take seconds to find out that they cannot.
  const patient = { periodSeconds: 1, timeoutSeconds: 20 };
  const probe = { exec: { command: ["true"] }, ...patient };
  const sleepers = `i=0; while [ $i -lt ${LEAKED} ]; do sleep 10000 & i=$((i+1)); done`;
  const leak = `${sleepers}; exec httpd -f -p 127.0.0.1:${port}`;
  return pod("leaking", {
    terminationGracePeriodSeconds: 1,
    containers: [
      shell("app", leak, {
        startupProbe: { tcpSocket: { port }, ...patient, failureThreshold: 100 },
        livenessProbe: { ...probe, failureThreshold: 1 },
        readinessProbe: probe,
      }),
    ],
  });
}

interface Stack {
  name: string;
  /** Processes of the sandbox, which count against the pod's limit. */
  pausePids: number;
  start(sandbox: Sandbox): Promise<string>;
  /** What the links below say. */
  said: RegExp;
  link: string;
}

const STACKS: Stack[] = [
  {
    name: "Debian's containerd and runc",
    pausePids: 2,
    start: async (sandbox) =>
      (await startCriContainerd(sandbox, { runtime: slowRunc(sandbox) })).socket,
    said: /read init-p: connection reset by peer/,
    link: "the container's pids cgroup",
  },
  {
    name: "our stack",
    pausePids: 1,
    start: async (sandbox) => (await startOurStack(sandbox)).cri,
    said: /the cgroup has no room for one more process/,
    link: "runc init",
  },
  {
    name: "our dockershim on Debian's dockerd and runc",
    pausePids: 1,
    start: (sandbox) => startOnDebianDockerd(sandbox, [dirname(slowRunc(sandbox))]),
    said: /read init-p: connection reset by peer/,
    link: "the container's pids cgroup",
  },
];

const strace = existsSync("/usr/bin/strace");

for (const [index, stack] of STACKS.entries()) {
  describe.skipIf(!strace)(`the incident on ${stack.name} (strace delays genuine runc)`, () => {
    const sandbox = new Sandbox();
    let kubelet: KubeletUnderTest;

    beforeAll(async () => {
      const cri = await stack.start(sandbox);
      // The server that was the shell, its sleepers, the pause process or processes.
      const limit = String(1 + LEAKED + stack.pausePids);
      kubelet = await KubeletUnderTest.start(sandbox, { cri, flags: ["--pod-pids-limit", limit] });
      kubelet.write("leaking.json", leakingPod(FIRST_PORT + index));
    }, LIMIT_MS);

    afterAll(() => sandbox.close(), LIMIT_MS);

    test(
      "one event with a count names link, cause and fix",
      async () => {
        const event = await kubelet.eventTimes("ProbeNotExecuted", "leaking", SEEN_TIMES);
        expect(await kubelet.events("ProbeNotExecuted", "leaking")).toHaveLength(1);
        const { causeId, link, cause, fix, errorId } = event.catena;
        expect(causeId).toBe("pids-cgroup-full");
        expect(link).toBe(stack.link);
        expect(cause).toMatch(
          /^the pids cgroup \/sys\/fs\/cgroup\/pids\/.*\/kubepods\/besteffort\/pod/,
        );
        expect(cause).toMatch(
          /(is full|has no room for an exec): \d+ of \d+ processes and threads/,
        );
        expect(cause).toMatch(/\d+ processes are called sleep$/);
        expect(fix).toMatch(
          /^raise podPidsLimit \(catena kubelet --pod-pids-limit\), or fix the leak/,
        );
        expect(event.message).toContain("this is no failure of the application");
        expect(event.message).toMatch(stack.said);
        const explained = await mustRun([
          ...["dist/bin/catena", "explain", errorId],
          ...["--state", sandbox.path("kubelet", "state")],
        ]);
        expect(explained).toMatch(stack.said);
      },
      LIMIT_MS,
    );

    test(
      "the container is not restarted, and the pod's status says why",
      async () => {
        const { status } = (await kubelet.pod("leaking"))!;
        expect(status.containerStatuses[0].restartCount).toBe(0);
        const condition = status.conditions.find(
          (one: { type: string }) => one.type === "catena.dev/ProbesExecutable",
        );
        expect(condition.status).toBe("False");
        expect(condition.message).toContain("processes and threads");
        expect(await kubelet.events("Unhealthy", "leaking")).toEqual([]);
      },
      LIMIT_MS,
    );

    test("the log tells it once, and the metrics count it", async () => {
      const lines = kubelet.log().split("\n");
      const told = lines.filter((line) => line.includes("cannot be executed"));
      expect(told.length).toBeGreaterThan(0);
      // At the 1st, the 10th and the 100th time.
      expect(told.length).toBeLessThanOrEqual(3);
      const metrics = await kubelet.text("/metrics");
      const count = /catena_probe_not_executed_total{.*cause="pids-cgroup-full"} (\d+)/.exec(
        metrics,
      );
      expect(Number(count?.[1])).toBeGreaterThanOrEqual(SEEN_TIMES);
    });
  });
}
