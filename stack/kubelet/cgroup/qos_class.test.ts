import { expect, test } from "bun:test";
import { readManifest } from "../spec/manifest.ts";
import { cpuQuotaUs, cpuShares, linuxResources } from "./linux_resources.ts";
import { oomScore, qosClass } from "./qos_class.ts";

function specOf(...resources: object[]) {
  const containers = resources.map((one, i) => ({ name: `c${i}`, image: "i:1", resources: one }));
  const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers } };
  return readManifest(JSON.stringify(manifest), "/m", "node")[0]!.pod!.spec;
}

const whole = { limits: { cpu: "1", memory: "1Gi" } };

test.each([
  [[{}], "BestEffort"],
  [[whole], "Guaranteed"],
  [[whole, {}], "Burstable"],
  [[{ limits: { cpu: "1" } }], "Burstable"],
  [[{ requests: { memory: "1Mi" } }], "Burstable"],
  [[{ ...whole, requests: { cpu: "500m" } }], "Burstable"],
  [[{ limits: { "ephemeral-storage": "1Gi" } }], "BestEffort"],
])("%j is %s", (resources, expected) => {
  expect<string>(qosClass(specOf(...resources))).toBe(expected);
});

test("the OOM score follows the memory that is requested", () => {
  const [container] = specOf({ requests: { memory: "1Gi" } }).containers;
  expect(oomScore("Burstable", container!, 4 * 2 ** 30)).toBe(750);
  expect(oomScore("Burstable", container!, 2 ** 30)).toBe(3);
  expect(oomScore("Guaranteed", container!, 2 ** 30)).toBe(-997);
  expect(oomScore("BestEffort", container!, 2 ** 30)).toBe(1000);
});

test("cores become shares and quotas as the kubelet reckons them", () => {
  expect([0, 0.001, 0.25, 2].map(cpuShares)).toEqual([2, 2, 256, 2048]);
  expect([0.001, 0.5, 2].map(cpuQuotaUs)).toEqual([1000, 50_000, 200_000]);
  const { limits, requests } = { limits: { "hugepages-2Mi": 4194304 }, requests: {} };
  expect(linuxResources({ limits, requests }, 5)).toMatchObject({
    ...{ cpuQuota: 0n, cpuShares: 2n, memoryLimitInBytes: 0n, oomScoreAdj: 5n },
    hugepageLimits: [{ pageSize: "2MB", limit: 4194304n }],
  });
});
