import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { Sandbox } from "../../lib/sandbox.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { RUNTIMES } from "./runtime_list.ts";
import { delegateHierarchy, readKnob, V2Container } from "./v2_container.ts";

const MIB = 1 << 20;

for (const { name, binary, ours } of RUNTIMES) {
  describe.skipIf(isElsewhere("v2"))(laneTitle("v2", `${name}: limits on cgroup v2`), () => {
    let sandbox: Sandbox;

    beforeAll(async () => {
      sandbox = new Sandbox();
      await delegateHierarchy();
    });
    afterAll(() => sandbox?.close());

    const withResources = (id: string, resources: Record<string, unknown>) =>
      V2Container.run(sandbox, binary, id, {
        edit: (config) => Object.assign(config.linux.resources, resources),
      });

    test("memory, swap, reservation, pids, cpu and cpuset", async () => {
      const container = await withResources("common", {
        memory: { limit: 64 * MIB, swap: 96 * MIB, reservation: 32 * MIB },
        pids: { limit: 77 },
        cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: "0", mems: "0" },
      });
      const cgroup = await container.cgroup();
      expect(readKnob(cgroup, "memory.max")).toBe(String(64 * MIB));
      expect(readKnob(cgroup, "memory.swap.max")).toBe(String(32 * MIB));
      expect(readKnob(cgroup, "memory.low")).toBe(String(32 * MIB));
      expect(readKnob(cgroup, "pids.max")).toBe("77");
      // 1 + (512 - 2) × 9999 / 262142
      expect(readKnob(cgroup, "cpu.weight")).toBe("20");
      expect(readKnob(cgroup, "cpu.max")).toBe("20000 50000");
      expect(readKnob(cgroup, "cpuset.cpus")).toBe("0");
      expect(readKnob(cgroup, "cpuset.mems")).toBe("0");
      await container.remove();
      expect(existsSync(cgroup)).toBe(false);
    });

    test("unlimited is max", async () => {
      const container = await withResources("unlimited", {
        memory: { limit: -1, swap: -1 },
        pids: { limit: -1 },
        cpu: { quota: -1 },
      });
      const cgroup = await container.cgroup();
      expect(readKnob(cgroup, "memory.max")).toBe("max");
      expect(readKnob(cgroup, "memory.swap.max")).toBe("max");
      expect(readKnob(cgroup, "pids.max")).toBe("max");
      expect(readKnob(cgroup, "cpu.max")).toBe("max 100000");
      await container.remove();
    });

    test("hugetlb", async () => {
      const container = await withResources("huge", {
        hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }],
      });
      expect(readKnob(await container.cgroup(), "hugetlb.2MB.max")).toBe(String(4 * MIB));
      await container.remove();
    });

    test("io rates of a device", async () => {
      const { rdev } = statSync("/dev/vda");
      const device = { major: (rdev >> 8) & 0xfff, minor: rdev & 0xff };
      const container = await withResources("io", {
        blockIO: {
          throttleReadBpsDevice: [{ ...device, rate: MIB }],
          throttleWriteIOPSDevice: [{ ...device, rate: 100 }],
        },
      });
      expect(readKnob(await container.cgroup(), "io.max")).toBe(
        `${device.major}:${device.minor} rbps=${MIB} wbps=max riops=max wiops=100`,
      );
      await container.remove();
    });

    test("io weight, by BFQ where it serves the disk", async () => {
      const container = await withResources("weight", { blockIO: { weight: 500 } });
      const cgroup = await container.cgroup();
      const [file, expected] = existsSync(`${cgroup}/io.bfq.weight`)
        ? ["io.bfq.weight", "default 500"]
        : ["io.weight", `default ${Math.trunc(1 + ((500 - 10) * 9999) / 990)}`];
      expect(readKnob(cgroup, file!)).toBe(expected!);
      await container.remove();
    });

    test("unified keys", async () => {
      const container = await withResources("unified", {
        unified: { "memory.high": String(48 * MIB), "pids.max": "55", "cpu.weight": "321" },
      });
      const cgroup = await container.cgroup();
      expect(readKnob(cgroup, "memory.high")).toBe(String(48 * MIB));
      expect(readKnob(cgroup, "pids.max")).toBe("55");
      expect(readKnob(cgroup, "cpu.weight")).toBe("321");
      await container.remove();
    });

    test("a unified key that the kernel has not is refused", async () => {
      const wrong = withResources("wrong", { unified: { "pids.nosuch": "1" } });
      await expect(wrong).rejects.toThrow("pids.nosuch");
      // crun 1.8 leaves the folder.
      if (ours) expect(existsSync(`/sys/fs/cgroup/${sandbox.tag}/wrong`)).toBe(false);
    });

    test("update", async () => {
      const container = await withResources("update", { pids: { limit: 20 } });
      const cgroup = await container.cgroup();
      const file = sandbox.path("update.json");
      const resources = JSON.stringify({
        memory: { limit: 80 * MIB },
        pids: { limit: 40 },
        cpu: { shares: 1024, quota: 30_000, period: 100_000 },
      });
      writeFileSync(file, resources);
      await container.runtime.must(["update", "--resources", file, "update"]);
      expect(readKnob(cgroup, "memory.max")).toBe(String(80 * MIB));
      expect(readKnob(cgroup, "pids.max")).toBe("40");
      expect(readKnob(cgroup, "cpu.weight")).toBe("39");
      expect(readKnob(cgroup, "cpu.max")).toBe("30000 100000");
      await container.remove();
    });
  });
}
