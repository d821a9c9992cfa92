import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { PodSandboxState } from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { type CriTarget, connectTarget, importImage, OURS, startShim } from "./cri_target.ts";
import { makeNetwork, networkMissing } from "./pod_network.ts";
import { readLog, TestPod } from "./test_pod.ts";

// Pods outlive the dockershim, and the next one knows all of them.

const LIMIT_MS = 180_000;
const COUNTING = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done";
const reason = reasonToSkip(OURS.boxes) ?? networkMissing();

/** Each line once and in order, whatever was killed meanwhile. */
function expectWhole(path: string): void {
  const numbers = readLog(path).map(({ text }) => Number(text));
  expect(numbers).toEqual(numbers.map((_, index) => index));
}

describe(reason ? `restart [skipped: ${reason}]` : "restart", () => {
  const sandbox = reason ? undefined : new Sandbox();
  let daemon: Daemon & { state: string };
  let shim: Daemon;
  let split: CriTarget;
  let collapsed: CriTarget;
  let leases = "";
  if (sandbox) {
    beforeAll(async () => {
      daemon = await startCatenaDaemon(sandbox, ["--pod-network", "loopback"]);
      await importImage(sandbox, daemon.socket);
      shim = await startShim(sandbox, daemon.socket, makeNetwork(sandbox));
      leases = sandbox.path("cni", "leases");
      split = connectTarget(OURS, sandbox, shim.socket);
      collapsed = connectTarget(OURS, sandbox, `${daemon.state}/cri.sock`);
    }, LIMIT_MS);
    afterAll(() => sandbox.close(), LIMIT_MS);
  }

  test.skipIf(reason !== undefined)(
    "a killed dockershim's pods keep their logs, state and network",
    async () => {
      const pod = await TestPod.run(split);
      const id = await pod.start(COUNTING);
      const { logPath } = await pod.status(id);
      await waitUntil("it writes", () => readLog(logPath).length > 10);
      await shim.kill();
      await shim.start();
      const before = readLog(logPath).length;
      await waitUntil("its log goes on", () => readLog(logPath).length > before + 10);
      expectWhole(logPath);
      const { runtime } = split.services;
      const { status } = await runtime.podSandboxStatus({ podSandboxId: pod.id }, {});
      expect(status?.state).toBe(PodSandboxState.SANDBOX_READY);
      expect(status?.network?.ip).toMatch(/^10\.231\./);
      expect((await pod.exec(id, "echo there")).stdout).toBe("there\n");
      const held = () => readdirSync(leases, { recursive: true }).map(String);
      expect(held().some((name) => name.endsWith(status!.network!.ip))).toBe(true);
      await pod.remove();
      expect(held().some((name) => name.endsWith(status!.network!.ip))).toBe(false);
    },
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "the same in one process, with dockerd killed too",
    async () => {
      const pod = await TestPod.run(collapsed);
      const id = await pod.start("trap 'exit 4' TERM; while :; do sleep 0.05; done");
      await daemon.kill();
      await daemon.start();
      await waitUntil("it answers again", () => pod.exec(id, "true"));
      const { runtime } = collapsed.services;
      await runtime.stopContainer({ containerId: id, timeout: 20n }, {});
      expect((await pod.status(id)).exitCode).toBe(4);
      await pod.remove();
      expect((await runtime.listPodSandbox({}, {})).items).toEqual([]);
    },
    LIMIT_MS,
  );
});
