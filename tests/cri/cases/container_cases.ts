import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { ContainerState } from "#gen/wire/cri/proto/container_pb.ts";
import type { CriCase } from "../conformance.ts";
import { refusal, TestPod, withPod } from "../test_pod.ts";

/** The life of containers, and what they are made from. */
export const CONTAINER_CASES: CriCase[] = [
  {
    name: "created, running, exited, removed",
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        const labels = { role: "a" };
        const annotations = { "example.com/x": "y" };
        const containerId = await pod.create("sleep 0.2; exit 7", { labels, annotations });
        expect((await pod.status(containerId)).state).toBe(ContainerState.CONTAINER_CREATED);
        const filter = { podSandboxId: pod.id, labelSelector: { role: "a" } };
        const { containers } = await runtime.listContainers({ filter }, {});
        expect(containers).toMatchObject([{ id: containerId, labels, annotations }]);
        expect(containers[0]).toMatchObject({ podSandboxId: pod.id, metadata: { name: "c0" } });
        await runtime.startContainer({ containerId }, {});
        const status = await pod.exited(containerId);
        expect(status).toMatchObject({ exitCode: 7, reason: "Error", labels, annotations });
        expect(status.createdAt).toBeLessThanOrEqual(status.startedAt);
        expect(status.startedAt).toBeLessThanOrEqual(status.finishedAt);
        for (let i = 0; i < 2; i++) await runtime.removeContainer({ containerId }, {});
        const { outer } = await refusal(runtime.containerStatus({ containerId }, {}));
        expect(outer.code).toBe("not_found");
        expect((await runtime.listContainers({ filter }, {})).containers).toEqual([]);
      }),
  },
  {
    name: "a stop signal, and SIGKILL for those that do not heed it",
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        const set = "touch /tmp/set; while :; do sleep 0.05; done";
        const polite = await pod.start(`trap 'exit 5' TERM; ${set}`);
        const deaf = await pod.start(`trap '' TERM; ${set}`);
        for (const id of [polite, deaf]) {
          await pod.exec(id, "until test -e /tmp/set; do sleep 0.05; done");
        }
        await runtime.stopContainer({ containerId: polite, timeout: 100n }, {});
        expect((await pod.status(polite)).exitCode).toBe(5);
        const before = Date.now();
        await runtime.stopContainer({ containerId: deaf, timeout: 1n }, {});
        expect(Date.now() - before).toBeGreaterThan(800);
        expect(await pod.status(deaf)).toMatchObject({ exitCode: 137, reason: "Error" });
        await runtime.stopContainer({ containerId: deaf, timeout: 1n }, {});
      }),
  },
  {
    name: "what never was cannot be had, and need not be removed",
    run: async ({ plan, services: { runtime } }) => {
      const containerId = "0123456789ab";
      for (const call of [
        () => runtime.startContainer({ containerId }, {}),
        () => runtime.containerStatus({ containerId }, {}),
        () => runtime.execSync({ containerId, cmd: ["true"] }, {}),
        () => runtime.podSandboxStatus({ podSandboxId: containerId }, {}),
      ]) {
        expect((await refusal(call())).outer.code).toBe("not_found");
      }
      await runtime.removeContainer({ containerId }, {});
      // The control of this age refuses what its successors allow.
      if (plan.kind === "control") return;
      await runtime.stopPodSandbox({ podSandboxId: containerId }, {});
      await runtime.removePodSandbox({ podSandboxId: containerId }, {});
    },
  },
  {
    name: "a sandbox takes its running containers with it",
    run: async (target) => {
      const { runtime } = target.services;
      const pod = await TestPod.run(target);
      const containerId = await pod.start("exec sleep 1000");
      await runtime.stopPodSandbox({ podSandboxId: pod.id }, {});
      expect((await pod.status(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
      await runtime.removePodSandbox({ podSandboxId: pod.id }, {});
      const { outer } = await refusal(runtime.containerStatus({ containerId }, {}));
      expect(outer.code).toBe("not_found");
    },
  },
  {
    name: "a program that is missing is an error of the start, which the status keeps",
    run: (target) =>
      withPod(target, async (pod) => {
        const containerId = await pod.create("", { command: ["/no/such/program"] });
        const { runtime } = target.services;
        const { message } = await refusal(runtime.startContainer({ containerId }, {}));
        expect(message).toContain("/no/such/program");
        const status = await pod.status(containerId);
        expect(status.state).toBe(ContainerState.CONTAINER_EXITED);
        expect(status.exitCode).not.toBe(0);
      }),
  },
  {
    name: "an image that is missing is an error of the creation",
    run: (target) =>
      withPod(target, async (pod) => {
        const image = { image: "catest-none:latest" };
        const { message } = await refusal(pod.create("true", { image }));
        expect(message).toContain("catest-none");
      }),
  },
  {
    name: "environment, arguments and folder",
    run: (target) =>
      withPod(target, async (pod) => {
        const { stdout } = await pod.finish("", {
          command: ["sh", "-c", 'echo "$A|$1|$PWD"'],
          args: ["zero", "first one"],
          envs: [{ key: "A", value: "b=c d" }],
          workingDir: "/tmp",
        });
        expect(stdout).toBe("b=c d|first one|/tmp");
      }),
  },
  {
    name: "mounts: read-only, made where missing, through a link",
    run: (target) =>
      withPod(target, async (pod) => {
        const { sandbox } = target;
        const folder = sandbox.path("mounts", pod.id, "data");
        mkdirSync(folder);
        writeFileSync(`${folder}/file`, "text");
        const link = sandbox.path("mounts", pod.id, "link");
        symlinkSync(folder, link);
        const missing = sandbox.path("mounts", pod.id, "new");
        const script =
          "cat /link/file; touch /ro/x || echo refused; echo made > /new/x; echo back > /link/y";
        const { stdout } = await pod.finish(script, {
          mounts: [
            { hostPath: folder, containerPath: "/ro", readonly: true },
            { hostPath: link, containerPath: "/link" },
            { hostPath: missing, containerPath: "/new" },
          ],
        });
        expect(stdout).toBe("textrefused");
        expect(readFileSync(`${missing}/x`, "utf8")).toBe("made\n");
        expect(existsSync(`${folder}/y`)).toBe(true);
      }),
  },
  {
    name: "too much memory is told as OOMKilled",
    run: (target) =>
      withPod(target, async (pod) => {
        const resources = { memoryLimitInBytes: 16n << 20n };
        // Genuine dockerd loses the event in one of a hundred, and the kernel logs ten kills in
        // five seconds, of the whole machine's: then nobody knows.
        const attempts = target.plan.boxes.includes("genuine dockerd") ? 3 : 1;
        let reason = "";
        for (let attempt = 0; attempt < attempts && reason !== "OOMKilled"; attempt++) {
          const id = await pod.start("tail /dev/zero", { linux: { resources } });
          const status = await pod.exited(id);
          expect(status.exitCode).toBe(137);
          ({ reason } = status);
        }
        expect(reason).toBe("OOMKilled");
      }),
  },
  {
    name: "limits are set, and change under a running container",
    run: (target) =>
      withPod(target, async (pod) => {
        const resources = {
          memoryLimitInBytes: 64n << 20n,
          cpuPeriod: 100_000n,
          cpuQuota: 50_000n,
        };
        const containerId = await pod.start("exec sleep 1000", { linux: { resources } });
        const read =
          "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us " +
          "2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max";
        const limits = async () =>
          (await pod.exec(containerId, read)).stdout
            .replace(/ 100000/, "")
            .trim()
            .split("\n");
        expect(await limits()).toEqual([String(64 << 20), "50000"]);
        const linux = { memoryLimitInBytes: 96n << 20n, cpuPeriod: 100_000n, cpuQuota: 60_000n };
        await target.services.runtime.updateContainerResources({ containerId, linux }, {});
        expect(await limits()).toEqual([String(96 << 20), "60000"]);
      }),
  },
];
