import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { ChainError } from "#lib/errors/chain_error.ts";
import { cpuWeightOfShares, ioWeightOfBlkio, swapOfMemorySwap } from "./cgroup_config.ts";
import { setLimitsV2 } from "./limits_v2.ts";
import { resourceConfig } from "./resource_config.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/limits-v2-`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function files(...names: string[]): void {
  for (const name of names) writeFileSync(`${folder}/${name}`, "");
}
const read = (name: string) => readFileSync(`${folder}/${name}`, "utf8");

test("v1 numbers become v2 files", () => {
  files(
    "pids.max",
    "memory.max",
    "memory.swap.max",
    "memory.low",
    "cpu.weight",
    "cpu.max",
    "io.max",
  );
  files("cpuset.cpus", "hugetlb.2MB.max");
  setLimitsV2(
    folder,
    resourceConfig({
      pids: { limit: 30 },
      memory: { limit: 1000, swap: 1500, reservation: 500 },
      cpu: { shares: 1024, quota: 5000, cpus: "0-1" },
      blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }] },
      hugepageLimits: [{ pageSize: "2MB", limit: 4096 }],
    }),
  );
  expect(read("pids.max")).toBe("30");
  expect(read("memory.max")).toBe("1000");
  expect(read("memory.swap.max")).toBe("500");
  expect(read("memory.low")).toBe("500");
  expect(read("cpu.weight")).toBe("39");
  expect(read("cpu.max")).toBe("5000 100000");
  expect(read("cpuset.cpus")).toBe("0-1");
  expect(read("io.max")).toBe("8:0 rbps=1024");
  expect(read("hugetlb.2MB.max")).toBe("4096");
});

test("what is not asked for is not written", () => {
  setLimitsV2(folder, resourceConfig({}));
});

test("unified keys are written as they are, and refused with the reason", () => {
  files("memory.high");
  writeFileSync(`${folder}/cgroup.controllers`, "cpu memory");
  setLimitsV2(folder, { unified: { "memory.high": "12345" } });
  expect(read("memory.high")).toBe("12345");
  expect(() => setLimitsV2(folder, { unified: { "a/b": "1" } })).toThrow(/no slashes/);
  expect(() => setLimitsV2(folder, { unified: { "io.max": "1" } })).toThrow(
    /controller "io" not available/,
  );
  expect(() => setLimitsV2(folder, { unified: { "memory.nope": "1" } })).toThrow(ChainError);
});

test("conversions keep to runc's formulas", () => {
  expect([0, 2, 1024, 262144].map(cpuWeightOfShares)).toEqual([0, 1, 39, 10000]);
  expect([0, 10, 500, 1000].map(ioWeightOfBlkio)).toEqual([0, 1, 4950, 10000]);
  expect(swapOfMemorySwap(0, -1)).toBe(-1);
  expect(swapOfMemorySwap(0, 5)).toBeUndefined();
  expect(swapOfMemorySwap(5, 5)).toBe(0);
  expect(() => swapOfMemorySwap(5, 0)).toThrow(/without memory limit/);
  expect(() => swapOfMemorySwap(4, 5)).toThrow(/should be >= memory limit/);
});
