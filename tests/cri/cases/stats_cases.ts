import { expect } from "bun:test";
import {
  CgroupDriver,
  type ContainerEventResponse,
  ContainerEventType,
} from "#gen/wire/cri/proto/runtime_pb.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import type { CriCase } from "../conformance.ts";
import { refusal, TestPod, withPod } from "../test_pod.ts";

const BUSY = "dd if=/dev/zero of=/tmp/x bs=1M count=4 2>/dev/null; while :; do :; done";

/** Pods that come and go, twice so many, while lists of stats are asked for. */
const CHURN_ROUNDS = 3;

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
      const { runtime } = target.services;
      const leave = new AbortController();
      const events = runtime.getContainerEvents({}, { signal: leave.signal });
      const seen: ContainerEventResponse[] = [];
      const reading = (async () => {
        for await (const event of events) seen.push(event);
      })();
      const of = (which: string) =>
        seen
          .filter(({ containerId }) => containerId === which)
          .map(({ containerEventType }) => containerEventType);
      await waitUntil("events come", async () => {
        await withPod(target, async () => {});
        return seen.length > 0;
      });
      const pod = await TestPod.run(target);
      const id = await pod.start("exit 3");
      await pod.exited(id);
      // Told with the pod's state, which is gone with the pod.
      await waitUntil("its end is told", () => of(id).length >= 3);
      await pod.remove();
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
      const started = seen.find(({ containerId }) => containerId === id)!;
      expect(started.podSandboxStatus?.metadata).toMatchObject({
        name: pod.config.metadata!.name,
        namespace: "catest",
      });
    },
  },
  {
    name: "lists of stats hold while containers come and go",
    oursOnly: true,
    run: async (target) => {
      const { runtime } = target.services;
      const churn = async () => {
        for (let round = 0; round < CHURN_ROUNDS; round++) {
          await withPod(target, async (pod) => {
            for (const script of ["exit 3", "exec sleep 1000", "sleep 0.3"]) {
              await pod.start(script);
            }
          });
        }
      };
      let ended = false;
      const churning = Promise.all([churn(), churn()]).finally(() => {
        ended = true;
      });
      const lists = [
        () => runtime.listPodSandboxMetrics({}, {}),
        () => runtime.listContainerStats({}, {}),
        () => runtime.listPodSandboxStats({}, {}),
      ];
      const looking = lists.map(async (list) => {
        do {
          await list();
          // The other cases need the same Docker.
          await Bun.sleep(50);
        } while (!ended);
      });
      await Promise.all([churning, ...looking]);
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
