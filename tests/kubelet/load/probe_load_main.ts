// `npm run bench -- probes [PODS [SECONDS]]`: what an exec probe costs, on ours and on Debian's.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { startCriContainerd } from "../cri_containerd.ts";
import { startOurStack } from "../dockershim_stack.ts";
import { KubeletUnderTest } from "../kubelet_under_test.ts";
import { pod, STAY, shell } from "../scenario_pods.ts";

const CONTAINERS_PER_POD = 2;
const READY_MS = 300_000;

interface Result {
  name: string;
  probes: number;
  /** CPU milliseconds of everything: kubelet, daemons, shims, runtimes, the probes themselves. */
  cpuMs: number;
  failed: number;
}

interface Stack {
  name: string;
  /** The CRI's socket and the daemon's process. */
  start(sandbox: Sandbox): Promise<{ cri: string; pid: number }>;
}

const STACKS: Stack[] = [
  {
    name: "our stack",
    start: startOurStack,
  },
  {
    name: "Debian's containerd",
    start: async (sandbox) => {
      const daemon = await startCriContainerd(sandbox);
      return { cri: daemon.socket, pid: daemon.pid };
    },
  },
];

/** Measures one stack under the same kubelet, its pods and their probes. */
async function measure(stack: Stack, pods: number, seconds: number): Promise<Result> {
  const sandbox = new Sandbox();
  try {
    const { cri, pid } = await stack.start(sandbox);
    const kubelet = await KubeletUnderTest.start(sandbox, { cri });
    const group = `/sys/fs/cgroup/cpuacct/${sandbox.tag}`;
    // Shims and runtimes are born below; what runs in pods is below the same folder already.
    mkdirSync(`${group}/daemons`, { recursive: true });
    for (const one of [pid, kubelet.pid]) writeFileSync(`${group}/daemons/cgroup.procs`, `${one}`);
    kubelet.write("pods.json", manifest(pods));
    await waitUntil(
      "all pods are ready",
      async () => (await readyPods(kubelet)) === pods,
      READY_MS,
    );
    const before = await count(kubelet, group);
    await Bun.sleep(seconds * 1000);
    const after = await count(kubelet, group);
    return {
      name: stack.name,
      probes: after.probes - before.probes,
      cpuMs: (after.cpuNs - before.cpuNs) / 1e6,
      failed: after.failed - before.failed,
    };
  } finally {
    await sandbox.close();
  }
}

function manifest(pods: number): object {
  const probe = { exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 10 };
  const names = Array.from({ length: CONTAINERS_PER_POD }, (_, index) => `c${index}`);
  const containers = names.map((name) => shell(name, STAY, { readinessProbe: probe }));
  const items = Array.from({ length: pods }, (_, index) => pod(`load${index}`, { containers }));
  return { apiVersion: "v1", kind: "PodList", items };
}

async function readyPods(kubelet: KubeletUnderTest): Promise<number> {
  const { items } = await kubelet.json("/pods");
  const isReady = (one: { type: string; status: string }) =>
    one.type === "Ready" && one.status === "True";
  return items.filter((one: { status: { conditions: [] } }) => one.status.conditions.some(isReady))
    .length;
}

async function count(kubelet: KubeletUnderTest, group: string) {
  const metrics = await kubelet.text("/metrics");
  const sum = (result: string) =>
    [...metrics.matchAll(new RegExp(`^prober_probe_total{.*result="${result}"} (\\d+)$`, "gm"))]
      .map((match) => Number(match[1]))
      .reduce((total, one) => total + one, 0);
  const cpuNs = Number(readFileSync(`${group}/cpuacct.usage`, "utf8"));
  return { probes: sum("successful"), failed: sum("failed") + sum("unknown"), cpuNs };
}

async function main(): Promise<void> {
  const [pods = 30, seconds = 30] = process.argv.slice(2).map(Number);
  const containers = pods * CONTAINERS_PER_POD;
  console.log(`${pods} pods, ${containers} containers, an exec probe a second each, ${seconds} s`);
  const results: Result[] = [];
  for (const stack of STACKS) {
    const result = await measure(stack, pods, seconds);
    results.push(result);
    const { name, probes, failed, cpuMs } = result;
    const each = (cpuMs / probes).toFixed(2);
    console.log(`${name}: ${probes} probes, ${failed} failed, ${each} ms of CPU each`);
  }
  const [ours, genuine] = results.map(({ cpuMs, probes }) => cpuMs / probes);
  console.log(`ours costs ${((ours! / genuine!) * 100).toFixed(0)} % of genuine`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
