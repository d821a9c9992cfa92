import { expect, test } from "bun:test";
import type { CgroupConfig } from "./cgroup_config.ts";
import { limitProperties, rangeBits } from "./systemd_properties.ts";

const MAX = 0xffff_ffff_ffff_ffffn;
const shown = (config: CgroupConfig, pureV2 = true) =>
  Object.fromEntries(limitProperties(config, pureV2).map(({ name, value }) => [name, value]));

test("limits become the properties that make systemd write the same files", () => {
  expect(
    shown({
      memory: 1000,
      memory_swap: 1500,
      memory_reservation: 700,
      pids_limit: 9,
      cpu_shares: 1024,
      cpu_quota: 33_333,
      cpu_period: 50_000,
      cpuset_cpus: "0-2,9",
      blkio_throttle_read_bps_device: [{ major: 8, minor: 0, rate: 5 }],
    }),
  ).toEqual({
    MemoryMax: 1000n,
    MemorySwapMax: 500n,
    MemoryLow: 700n,
    TasksMax: 9n,
    CPUWeight: 39n,
    CPUQuotaPeriodUSec: 50_000n,
    // 66.666 % of a second, rounded up to a whole percent.
    CPUQuotaPerSecUSec: 670_000n,
    AllowedCPUs: Buffer.from([0b111, 0b10]),
    IOReadBandwidthMax: [["/dev/block/8:0", 5n]],
  });
});

test("unlimited is infinity, and what is not set is left out", () => {
  expect(shown({ memory: -1, memory_swap: -1, pids_limit: -1, cpu_quota: -1 })).toEqual({
    MemoryMax: MAX,
    MemorySwapMax: MAX,
    TasksMax: MAX,
    CPUQuotaPerSecUSec: MAX,
  });
  expect(shown({})).toEqual({});
});

test("unified keys with a property of their own are told to systemd too", () => {
  expect(
    shown({ unified: { "pids.max": "7", "memory.high": "max", "cpu.max": "10000", "a.b": "1" } }),
  ).toEqual({
    TasksMax: 7n,
    MemoryHigh: MAX,
    CPUQuotaPeriodUSec: 100_000n,
    CPUQuotaPerSecUSec: 100_000n,
  });
  expect(() => shown({ unified: { "pids.max": "many" } })).toThrow('"pids.max" value invalid');
});

test("v1 has names of its own", () => {
  expect(shown({ memory: 1000, memory_swap: 1500, cpu_shares: 512 }, false)).toEqual({
    MemoryLimit: 1000n,
    CPUShares: 512n,
  });
});

test("ranges are bits", () => {
  expect([...rangeBits("0,7-8")]).toEqual([0b1000_0001, 1]);
  expect(() => rangeBits("3-1")).toThrow("invalid range");
  expect(() => rangeBits("0-99999999")).toThrow("invalid range");
});
