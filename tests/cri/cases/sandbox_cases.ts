import { expect } from "bun:test";
import { PodSandboxState } from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import { NamespaceMode } from "#gen/wire/cri/proto/security_pb.ts";
import { connectCri } from "#wire/cri/client/cri_client.ts";
import type { CriCase } from "../conformance.ts";
import { refusal, TestPod, withPod } from "../test_pod.ts";

/** Pods without containers. */
export const SANDBOX_CASES: CriCase[] = [
  {
    name: "version and readiness, under both names of the API",
    run: async ({ socket }) => {
      for (const version of ["v1", "v1alpha2"] as const) {
        const { services, close } = connectCri(socket, { version });
        expect((await services.runtime.version({}, {})).version).toBe("0.1.0");
        const { status } = await services.runtime.status({ verbose: true }, {});
        expect(status?.conditions.map(({ type, status: met }) => [type, met])).toEqual([
          ["RuntimeReady", true],
          ["NetworkReady", true],
        ]);
        close();
      }
    },
  },
  {
    name: "a sandbox is ready, stopped and gone; each may be asked for twice",
    run: async (target) => {
      const { runtime } = target.services;
      const pod = await TestPod.run(target);
      const request = { podSandboxId: pod.id };
      const state = async () => (await runtime.podSandboxStatus(request, {})).status?.state;
      expect(await state()).toBe(PodSandboxState.SANDBOX_READY);
      for (let i = 0; i < 2; i++) await runtime.stopPodSandbox(request, {});
      expect(await state()).toBe(PodSandboxState.SANDBOX_NOTREADY);
      for (let i = 0; i < 2; i++) await runtime.removePodSandbox(request, {});
      const { outer } = await refusal(runtime.podSandboxStatus(request, {}));
      expect(outer.code).toBe("not_found");
    },
  },
  {
    name: "metadata, labels and annotations come back, and are filtered by",
    run: (target) => {
      const labels = { "app.kubernetes.io/name": "web", tier: "x" };
      const annotations = { "example.com/note": "a b\nc" };
      return withPod(
        target,
        async (pod) => {
          const { runtime } = target.services;
          const { status } = await runtime.podSandboxStatus({ podSandboxId: pod.id }, {});
          expect(status).toMatchObject({ labels, annotations });
          expect(status?.metadata).toMatchObject({
            name: pod.config.metadata!.name,
            namespace: "catest",
            attempt: 1,
          });
          expect(status?.createdAt).toBeGreaterThan(1_600_000_000_000_000_000n);
          const listed = async (filter: object) =>
            (await runtime.listPodSandbox({ filter }, {})).items.map(({ id }) => id);
          expect(await listed({ labelSelector: { tier: "x" } })).toEqual([pod.id]);
          expect(await listed({ labelSelector: { tier: "y" } })).toEqual([]);
          expect(await listed({ id: pod.id.slice(0, 12) })).toEqual([pod.id]);
          const gone = { state: PodSandboxState.SANDBOX_NOTREADY };
          expect(await listed({ id: pod.id, state: gone })).toEqual([]);
        },
        { labels, annotations },
      );
    },
  },
  {
    name: "hostname, name servers and sysctls",
    run: (target) =>
      withPod(
        target,
        async (pod) => {
          const ran = await pod.finish(
            "hostname; cat /etc/resolv.conf; cat /proc/sys/kernel/shm_rmid_forced",
          );
          expect(ran.stdout.split("\n")).toEqual([
            "web-0",
            "search a.example b.example",
            "nameserver 10.96.0.10",
            "options ndots:5",
            "1",
          ]);
        },
        {
          hostname: "web-0",
          dnsConfig: {
            servers: ["10.96.0.10"],
            searches: ["a.example", "b.example"],
            options: ["ndots:5"],
          },
          linux: {
            cgroupParent: `/${target.sandbox.tag}`,
            sysctls: { "kernel.shm_rmid_forced": "1" },
          },
        },
      ),
  },
  {
    name: "a pod has an address, by which another pod reaches it",
    run: (target) =>
      withPod(target, async (server) => {
        await server.start("echo over the bridge > /tmp/x; exec httpd -f -p 8080 -h /tmp");
        const reply = await target.services.runtime.podSandboxStatus(
          { podSandboxId: server.id },
          {},
        );
        const ip = reply.status?.network?.ip ?? "";
        expect(ip).toMatch(/^10\.231\./);
        await withPod(target, async (client) => {
          const again = `until wget -q -O - http://${ip}:8080/x; do sleep 0.1; done`;
          const { stdout } = await client.finish(again);
          expect(stdout).toBe("over the bridge");
        });
      }),
  },
  {
    name: "a pod on the host's network has no address of its own",
    run: (target) => {
      const namespaceOptions = { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER };
      const securityContext = { namespaceOptions };
      return withPod(
        target,
        async (pod) => {
          const { runtime } = target.services;
          const { status } = await runtime.podSandboxStatus({ podSandboxId: pod.id }, {});
          expect(status?.network?.ip ?? "").toBe("");
          expect(status?.linux?.namespaces?.options?.network).toBe(NamespaceMode.NODE);
          const { stdout } = await pod.finish("readlink /proc/self/ns/net", {
            linux: { securityContext },
          });
          const { readlinkSync } = await import("node:fs");
          expect(stdout).toBe(readlinkSync("/proc/self/ns/net"));
        },
        { hostname: "", linux: { cgroupParent: `/${target.sandbox.tag}`, securityContext } },
      );
    },
  },
  {
    name: "containers share the pod's network and memory, its processes where asked",
    run: (target) =>
      withPod(target, async (pod) => {
        const pid = NamespaceMode.POD;
        const shared = { linux: { securityContext: { namespaceOptions: { pid } } } };
        const first = await pod.start("echo there > /dev/shm/x; exec sleep 1000", shared);
        const second = await pod.start("exec sleep 1001", shared);
        const spaces = "readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/pid";
        const { stdout } = await pod.exec(first, spaces);
        expect((await pod.exec(second, spaces)).stdout).toBe(stdout);
        expect((await pod.exec(second, "cat /dev/shm/x")).stdout).toBe("there\n");
        expect((await pod.exec(second, "cat /proc/*/cmdline")).stdout).toContain(
          "sleep\0" + "1000",
        );
        const own = await pod.finish("echo $$; readlink /proc/self/ns/pid");
        expect(own.stdout.split("\n")[0]).toBe("1");
        expect(stdout).not.toContain(own.stdout.split("\n")[1]!);
      }),
  },
];
