import { expect } from "bun:test";
import { CgroupDriver, ContainerEventType } from "#gen/wire/cri/proto/runtime_pb.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import type { CriCase } from "../conformance.ts";
import { refusal, TestPod, withPod } from "../test_pod.ts";

const BUSY = "dd if=/dev/zero of=/tmp/x bs=1M count=4 2>/dev/null; while :; do :; done";

/** What containers use, and what happens to them. */
export const STATS_CASES: CriCase[] = [
  {
    name: "stats of a container, alone and in a list",
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        const containerId = await pod.start(BUSY, { labels: { busy: pod.id.slice(0, 12) } });
        const stats = await waitUntil("it has used CPU and disk", async () => {
          const reply = await runtime.containerStats({ containerId }, {});
          const { cpu, writableLayer } = reply.stats!;
          const used = cpu?.usageCoreNanoSeconds?.value ?? 0n;
          return used > 0n && (writableLayer?.usedBytes?.value ?? 0n) > 0n && reply.stats!;
        });
        expect(stats.attributes).toMatchObject({ id: containerId, metadata: { name: "c0" } });
        expect(stats.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
        const filter = { labelSelector: { busy: pod.id.slice(0, 12) } };
        const listed = await runtime.listContainerStats({ filter }, {});
        expect(listed.stats.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
      }),
  },
  {
    name: "stats of a pod are those of its containers together",
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        await pod.start(BUSY);
        const stats = await waitUntil("it has used CPU", async () => {
          const reply = await runtime.podSandboxStats({ podSandboxId: pod.id }, {});
          return (reply.stats?.linux?.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n && reply.stats!;
        });
        expect(stats.attributes?.id).toBe(pod.id);
        expect(stats.linux?.containers).toHaveLength(1);
        expect(stats.linux?.process?.processCount?.value).toBeGreaterThanOrEqual(1n);
        const listed = await runtime.listPodSandboxStats({ filter: { id: pod.id } }, {});
        expect(listed.stats.map(({ attributes }) => attributes?.id)).toEqual([pod.id]);
      }),
  },
  {
    name: "events of containers as they happen, with the pod's state",
    oursOnly: true,
    run: async (target) => {
      const leave = new AbortController();
      const events = target.services.runtime.getContainerEvents({}, { signal: leave.signal });
      const seen: [string, ContainerEventType][] = [];
      const reading = (async () => {
        for await (const event of events) {
          seen.push([event.containerId, event.containerEventType]);
          if (event.containerEventType === ContainerEventType.CONTAINER_STARTED_EVENT) {
            expect(event.podSandboxStatus?.metadata?.namespace).toBe("catest");
          }
        }
      })();
      await Bun.sleep(200);
      const pod = await TestPod.run(target);
      const id = await pod.start("exit 3");
      await pod.exited(id);
      await pod.remove();
      const of = (which: string) =>
        seen.filter(([about]) => about === which).map(([, type]) => type);
      await waitUntil("all events have come", () => of(pod.id).length >= 4);
      leave.abort();
      await reading.catch(() => undefined);
      const all = [
        ContainerEventType.CONTAINER_CREATED_EVENT,
        ContainerEventType.CONTAINER_STARTED_EVENT,
        ContainerEventType.CONTAINER_STOPPED_EVENT,
        ContainerEventType.CONTAINER_DELETED_EVENT,
      ];
      expect(of(id)).toEqual(all);
      expect(of(pod.id)).toEqual(all);
    },
  },
  {
    name: "metrics, cgroup driver, and what there is none of",
    oursOnly: true,
    run: (target) =>
      withPod(target, async (pod) => {
        const { runtime } = target.services;
        const containerId = await pod.start("exec sleep 1000");
        const { podMetrics } = await runtime.listPodSandboxMetrics({}, {});
        const own = podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id);
        expect(own?.containerMetrics[0]?.containerId).toBe(containerId);
        const names = own?.containerMetrics[0]?.metrics.map(({ name }) => name);
        const { descriptors } = await runtime.listMetricDescriptors({}, {});
        expect(descriptors.map(({ name }) => name)).toEqual(names!);
        const { linux } = await runtime.runtimeConfig({}, {});
        expect(linux?.cgroupDriver).toBe(CgroupDriver.CGROUPFS);
        const { outer } = await refusal(runtime.checkpointContainer({ containerId }, {}));
        expect(outer.code).toBe("unimplemented");
      }),
  },
];
