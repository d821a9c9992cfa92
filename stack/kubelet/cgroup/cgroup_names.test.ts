import { expect, test } from "bun:test";
import { DriverAgreement } from "./cgroup_driver.ts";
import { cgroupNames, cgroupPath, containerNames } from "./cgroup_names.ts";

const NAMES = ["kubepods", "burstable", "pod8f-1a"];

test("a pod's names are folders, or slices that carry all names above them", () => {
  expect(cgroupPath("cgroupfs", NAMES)).toBe("/kubepods/burstable/pod8f-1a");
  expect(cgroupPath("systemd", NAMES)).toBe(
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f_1a.slice",
  );
  for (const driver of ["cgroupfs", "systemd"] as const) {
    expect(cgroupNames(cgroupPath(driver, NAMES))).toEqual(NAMES);
  }
  expect(cgroupNames("/")).toEqual([]);
});

test("containers lie there under the names that runtimes give them", () => {
  expect(containerNames("/kubepods/podx", "id")).toEqual(["id"]);
  expect(containerNames("/kubepods.slice/kubepods-podx.slice", "id")).toContain("docker-id.scope");
});

test("the runtime's driver is taken, and another one than was asked for is refused", async () => {
  const free = new DriverAgreement({ ask: async () => "systemd" });
  expect(free.current).toBe("cgroupfs");
  await free.agreeIfAnswered();
  expect(free.current).toBe("systemd");
  const told = new DriverAgreement({ wanted: "cgroupfs", ask: async () => "systemd" });
  expect(told.agreeIfAnswered()).rejects.toThrow(
    'misconfiguration: kubelet cgroup driver: "cgroupfs" is different from docker cgroup driver: ' +
      '"systemd"',
  );
});

test("a runtime that cannot tell its driver has the kubelet's", async () => {
  const old = new DriverAgreement({ wanted: "systemd", ask: async () => undefined });
  expect(await old.agree()).toBe("systemd");
});

test("what was agreed holds: a runtime that changes its driver is refused", async () => {
  const answers = ["cgroupfs", "systemd"] as const;
  let asked = 0;
  const agreement = new DriverAgreement({ ask: async () => answers[asked++] });
  await agreement.agree();
  expect(agreement.agree()).rejects.toThrow("misconfiguration");
});

test("a kubelet starts before its runtime", async () => {
  const down = new DriverAgreement({ ask: () => Promise.reject(new Error("refused")) });
  await down.agreeIfAnswered();
  expect(down.current).toBe("cgroupfs");
  expect(down.agree()).rejects.toThrow("refused");
});
