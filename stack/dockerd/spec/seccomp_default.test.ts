import { expect, test } from "bun:test";
import { defaultSeccomp } from "./seccomp_default.ts";

const names = (capabilities: string[]) =>
  defaultSeccomp(capabilities, [6, 1], "x64").syscalls!.flatMap((rule) => rule.names);

test("capabilities open their system calls and no others", () => {
  expect(names([])).not.toContain("mount");
  expect(names(["CAP_SYS_ADMIN"])).toContain("mount");
  expect(names(["CAP_SYS_CHROOT"])).toContain("chroot");
  expect(names([])).toContain("arch_prctl");
});

test("clone3 looks absent unless the container may make namespaces", () => {
  const refused = defaultSeccomp([], [6, 1], "x64").syscalls!.find((rule) => rule.errnoRet === 38);
  expect(refused?.names).toEqual(["clone3"]);
  expect(defaultSeccomp(["CAP_SYS_ADMIN"], [6, 1]).syscalls!.some((r) => r.errnoRet)).toBe(false);
});

test("ptrace needs a kernel that checks it after seccomp", () => {
  const old = defaultSeccomp([], [4, 4], "x64").syscalls!.flatMap((rule) => rule.names);
  expect(old).not.toContain("ptrace");
  expect(names([])).toContain("ptrace");
});
