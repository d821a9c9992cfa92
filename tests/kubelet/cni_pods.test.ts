import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { PrivateNetwork } from "../lib/private_network.ts";
import { processesOf } from "../lib/process_table.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { BRIDGE, CNI_STACKS, cniMissing, leases, SUBNET } from "./cni_stack.ts";
import { KubeletUnderTest } from "./kubelet_under_test.ts";
import { pod, STAY, shell } from "./scenario_pods.ts";

// Pods with addresses of their own, on a CNI network that is the test's own as well.

const LIMIT_MS = 240_000;
const WEB_PORT = 8080;
const HOST_PORT = 18_080;
const reason = cniMissing();
const quick = { periodSeconds: 1, timeoutSeconds: 30 };

/** Serves its own address, as env and the file of hosts know it, and may be told to be unwell. */
function webPod(): object {
  const say = 'echo "$IP $(hostname) $(grep -c "$IP" /etc/hosts)" > /www/index.html';
  const script = `mkdir /www; ${say}; touch /www/fine; httpd -p ${WEB_PORT} -h /www; ${STAY}`;
  const http = { httpGet: { path: "/fine", port: "web" } };
  return pod("web", {
    hostNetwork: false,
    containers: [
      shell("app", script, {
        env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
        ports: [{ name: "web", containerPort: WEB_PORT, hostPort: HOST_PORT }],
        startupProbe: { ...quick, tcpSocket: { port: "web" }, failureThreshold: 100 },
        livenessProbe: { ...quick, ...http, failureThreshold: 2 },
        readinessProbe: { ...quick, ...http },
      }),
      shell("side", STAY, {
        // Containers of a pod share its loopback.
        readinessProbe: {
          ...quick,
          exec: { command: ["wget", "-q", "-O", "-", `http://127.0.0.1:${WEB_PORT}/fine`] },
        },
      }),
    ],
  });
}

/** Ends well once it has read a page of another pod. */
function clientPod(address: string): object {
  const url = `http://${address}:${WEB_PORT}/`;
  return pod("client", {
    hostNetwork: false,
    restartPolicy: "Never",
    containers: [shell("app", `until wget -q -O - ${url}; do sleep 0.2; done`)],
  });
}

/** The process that is number one in a sandbox, by its number here. */
function firstProcessOf(sandbox: Sandbox, id: string): number {
  const inside = processesOf(sandbox.folder, sandbox.tag).filter(({ cgroups }) =>
    cgroups.includes(id),
  );
  const first = inside.find(({ pid }) =>
    /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8")),
  );
  if (!first) throw new Error(`sandbox ${id} has no first process among ${inside.length}`);
  return first.pid;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of the Kubernetes API
const isReady = (one: any) =>
  one.status.conditions.some(
    ({ type, status }: { type: string; status: string }) => type === "Ready" && status === "True",
  );

for (const stack of CNI_STACKS) {
  const name = `pods with addresses over ${stack.name}`;
  describe.skipIf(reason !== undefined)(reason ? `${name} [skipped: ${reason}]` : name, () => {
    const sandbox = new Sandbox();
    let network: PrivateNetwork;
    let kubelet: KubeletUnderTest;

    beforeAll(async () => {
      network = await PrivateNetwork.create(sandbox, "node");
      const cri = await stack.start(sandbox, network);
      kubelet = await KubeletUnderTest.start(sandbox, { cri, network });
      kubelet.write("web.json", webPod());
    }, LIMIT_MS);

    afterAll(() => sandbox.close(), LIMIT_MS);

    const step = (what: string, run: () => Promise<void>) => test(what, run, LIMIT_MS);
    const page = async (url: string) => (await network.run(["wget", "-q", "-O", "-", url])).stdout;
    const sandboxId = async () =>
      (await kubelet.json("/runningpods")).items.find(
        ({ metadata }: { metadata: { name: string } }) => metadata.name === "web-node",
      )?.metadata.annotations["catena.dev/sandbox"];

    step(
      "the network's probes reach the pod at its address, which env and hosts know",
      async () => {
        const { status } = await kubelet.podWhen("web", "is ready", isReady);
        expect(status.podIP).toStartWith(SUBNET);
        expect(status.podIPs).toEqual([{ ip: status.podIP }]);
        expect(leases(sandbox)).toEqual([status.podIP]);
        const words = `${status.podIP} web-node 1\n`;
        expect(await page(`http://${status.podIP}:${WEB_PORT}/`)).toBe(words);
        const gateway = `${SUBNET}1`;
        expect(await page(`http://${gateway}:${HOST_PORT}/`)).toBe(words);
      },
    );

    step("one pod reaches another, and gives its address back when it has ended", async () => {
      const { status } = await kubelet.podWhen("web", "is ready", isReady);
      kubelet.write("client.json", clientPod(status.podIP));
      await kubelet.podWhen("client", "succeeded", (one) => one.status.phase === "Succeeded");
      const log = await kubelet.text("/containerLogs/default/client-node/app");
      expect(log).toStartWith(`${status.podIP} web-node`);
      await waitUntil("its address is free", () => leases(sandbox).length === 1);
      kubelet.remove("client.json");
    });

    step("a container that is restarted keeps the pod's address", async () => {
      const before = await kubelet.podWhen("web", "is ready", isReady);
      await kubelet.fetch("/run/default/web-node/app?cmd=rm&cmd=/www/fine", { method: "POST" });
      const after = await kubelet.podWhen("web", "was restarted and is ready", (one) => {
        return one.status.containerStatuses[0].restartCount === 1 && isReady(one);
      });
      expect(after.status.podIP).toBe(before.status.podIP);
      await kubelet.event("Unhealthy", "web", /Liveness probe failed: HTTP probe failed with/);
    });

    step("a pod whose sandbox died is made anew, with one address", async () => {
      const id = await sandboxId();
      process.kill(firstProcessOf(sandbox, id), "SIGKILL");
      await waitUntil("there is another sandbox", async () => {
        const now = await sandboxId();
        return now !== undefined && now !== id;
      });
      const { status } = await kubelet.podWhen("web", "is ready", isReady);
      expect(leases(sandbox)).toEqual([status.podIP]);
      expect(await page(`http://${SUBNET}1:${HOST_PORT}/`)).toStartWith(status.podIP);
    });

    step("nothing of a pod's network is left when it goes", async () => {
      kubelet.remove("web.json");
      await waitUntil("the pod is gone", async () => !(await kubelet.pod("web")));
      expect(leases(sandbox)).toEqual([]);
      expect((await network.interfaces()).sort()).toEqual([BRIDGE, "lo"].sort());
      const rules = await network.rules();
      expect(rules.filter((line) => line.includes(String(HOST_PORT)))).toEqual([]);
    });
  });
}
