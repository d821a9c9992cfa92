import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ChainError } from "#lib/errors/chain_error.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import type { Daemon } from "../lib/daemon.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { type CriTarget, connectTarget, importImage, OURS, startShim } from "./cri_target.ts";
import { makeNetwork, networkMissing } from "./pod_network.ts";
import { refusal, type TestPod, withPod } from "./test_pod.ts";

// What a kubelet is told when the links below fail: which link, and why.

const LIMIT_MS = 180_000;
const reason = reasonToSkip(OURS.boxes) ?? networkMissing();

describe(reason ? `failing links [skipped: ${reason}]` : "failing links", () => {
  const sandbox = reason ? undefined : new Sandbox();
  let daemon: Daemon & { state: string };
  let split: CriTarget;
  let collapsed: CriTarget;
  if (sandbox) {
    beforeAll(async () => {
      const { confDir, binDir } = makeNetwork(sandbox);
      const folders = ["--cni-conf-dir", confDir, "--cni-bin-dir", binDir];
      daemon = await startCatenaDaemon(sandbox, folders);
      await importImage(sandbox, daemon.socket);
      const shim = await startShim(sandbox, daemon.socket, makeNetwork(sandbox));
      split = connectTarget(OURS, sandbox, shim.socket);
      collapsed = connectTarget(OURS, sandbox, `${daemon.state}/cri.sock`);
    }, LIMIT_MS);
    afterAll(() => sandbox.close(), LIMIT_MS);
  }

  test.skipIf(reason !== undefined)(
    "a pod is on the daemon's CNI network; a command that cannot run brings the runtime's frames",
    () =>
      withPod(collapsed, async (pod) => {
        const containerId = await pod.start("exec sleep 1000");
        const { runtime } = collapsed.services;
        const request = { podSandboxId: pod.id };
        const { status } = await runtime.podSandboxStatus(request, {});
        expect(status?.network?.ip).toMatch(/^10\.231\./);
        const error = await refusal(runtime.execSync({ containerId, cmd: ["/no/such"] }, {}));
        expect(error).toBeInstanceOf(ChainError);
        const { frames, causeId } = error as unknown as ChainError;
        expect(frames[0]?.layer).toBe("dockershim");
        expect(frames.map(({ layer }) => layer)).toContain("runc");
        expect(causeId).toBe("exec-not-found");
      }),
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "a Docker that hangs is named to who waits for a command, which does not run on later",
    () => withPod(split, (pod) => execBesideHungDocker(pod, daemon)),
    LIMIT_MS,
  );

  test.skipIf(reason !== undefined)(
    "a Docker that hangs is not ready, and one that is gone is named",
    async () => {
      const { runtime } = split.services;
      const conditionOf = async () =>
        (await runtime.status({}, {})).status?.conditions.find(
          ({ type }) => type === "RuntimeReady",
        );
      process.kill(daemon.pid, "SIGSTOP");
      try {
        const hung = await conditionOf();
        expect(hung).toMatchObject({ status: false, reason: "DockerDaemonNotReady" });
        expect(hung?.message).toContain("has not answered for 10 s");
        const listing = refusal(runtime.listPodSandbox({}, { timeoutMs: 500 }));
        expect((await listing).outer.code).toBe("deadline_exceeded");
      } finally {
        process.kill(daemon.pid, "SIGCONT");
      }
      expect((await conditionOf())?.status).toBe(true);
      await daemon.stop();
      expect((await conditionOf())?.message).toContain("Cannot connect to the Docker daemon");
      const { outer, message } = await refusal(runtime.listContainers({}, {}));
      expect(outer.code).toBe("unavailable");
      expect(message).toContain("Is the docker daemon running?");
      await daemon.start();
      expect((await conditionOf())?.status).toBe(true);
    },
    LIMIT_MS,
  );
});

/** Stops Docker under a container that is probed, and has it go on afterwards. */
async function execBesideHungDocker(pod: TestPod, { pid, socket }: Daemon): Promise<void> {
  const { runtime } = pod.target.services;
  const containerId = await pod.start("exec sleep 1000");
  // Known to the dockershim, as a container that is probed is: no look comes before.
  await pod.exec(containerId, "true");
  process.kill(pid, "SIGSTOP");
  try {
    for (const timeout of [1n, 1n, 0n]) {
      const request = { containerId, cmd: ["sleep", "4242"], timeout };
      const error = await refusal(runtime.execSync(request, { timeoutMs: LIMIT_MS }));
      expect(error).toBeInstanceOf(ChainError);
      const { frames, causeId, outer } = error as unknown as ChainError;
      expect(causeId).toBe("dockerd-hung");
      expect(outer.code).toBe("deadline_exceeded");
      expect(frames.at(-1)?.layer).toBe("dockerd");
      expect(error.message).toContain(`${socket} accepts requests and does not answer`);
    }
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await waitUntil("no command of those runs", async () => {
    const { stdout } = await pod.exec(containerId, "ps");
    return !stdout.includes("4242");
  });
}
