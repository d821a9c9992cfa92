import { expect, test } from "bun:test";
import { readManifest } from "../spec/manifest.ts";
import { containerEnv } from "./container_env.ts";

const env = [
  { name: "A", value: "one" },
  { name: "B", value: "$(A) $$(A) $(LATER) $(A" },
  { name: "LATER", value: "x" },
  { name: "A", value: "$(A)!" },
  { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "NOTE", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['n/a']" } } },
  { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
  { name: "MEM", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
  { name: "CPU", valueFrom: { resourceFieldRef: { resource: "requests.cpu", divisor: "1m" } } },
  { name: "NODE_CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
];

test("variables refer to those before them, to the pod and to its resources", () => {
  const resources = { limits: { memory: "64Mi" }, requests: { cpu: "250m" } };
  const manifest = {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "p", annotations: { "n/a": "noted" } } },
    spec: { containers: [{ name: "c", image: "i:1", env, resources }] },
  };
  const pod = readManifest(JSON.stringify(manifest), "/m", "node")[0]!.pod!;
  const node = { name: "node", ip: "10.0.0.1", cpuCores: 4, memoryBytes: 2 ** 30 };
  const scope = { pod, node, podIps: ["10.1.0.7"] };
  expect(Object.fromEntries(containerEnv(pod.spec.containers[0]!, scope))).toEqual({
    A: "one!",
    B: "one $(A) $(LATER) $(A",
    LATER: "x",
    NAME: "p-node",
    NOTE: "noted",
    NODE: "node",
    IP: "10.1.0.7",
    MEM: "64",
    CPU: "250",
    NODE_CPU: "4",
  });
});
