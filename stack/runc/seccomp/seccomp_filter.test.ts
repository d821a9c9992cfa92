import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Seccomp } from "../spec/spec_seccomp.ts";
import { seccompConfig, seccompProfile } from "../state/seccomp_config.ts";
import { seccompFilter } from "./seccomp_filter.ts";

const X86_64 = 0xc000003e;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const [READ, WRITE, PERSONALITY, NEWER] = [0, 1, 135, 5000];

/** What a classic BPF program returns for a call: an interpreter of what libseccomp emits. */
function verdict(program: Uint8Array, number: number, args: bigint[] = [], arch = X86_64): number {
  const code = Buffer.from(program);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(value, 16 + index * 8);
  });
  let a = 0;
  for (let at = 0; at * 8 < code.length; at++) {
    const op = code.readUInt16LE(at * 8);
    const [jt, jf] = [code.readUInt8(at * 8 + 2), code.readUInt8(at * 8 + 3)];
    const k = code.readUInt32LE(at * 8 + 4);
    const jump = (taken: boolean) => {
      at += taken ? jt : jf;
    };
    if (op === 0x20) a = data.readUInt32LE(k);
    else if (op === 0x54) a = (a & k) >>> 0;
    else if (op === 0x05) at += k;
    else if (op === 0x15) jump(a === k);
    else if (op === 0x25) jump(a > k);
    else if (op === 0x35) jump(a >= k);
    else if (op === 0x45) jump((a & k) !== 0);
    else if (op === 0x06) return k;
    else throw new Error(`opcode ${op}`);
  }
  throw new Error("no verdict");
}

const profile = (extra: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls: [
    { names: ["read", "no_such_call"], action: "SCMP_ACT_ALLOW" },
    {
      names: ["personality"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }],
    },
    { names: ["write"], action: "SCMP_ACT_ERRNO", errnoRet: 5 },
    { names: ["pidfd_open"], action: "SCMP_ACT_ALLOW" },
  ],
  ...extra,
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/seccomp-test-`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("rules, arguments, errno and the default are what the profile says", () => {
  const { filter, listener } = seccompFilter(profile());
  expect(listener).toBe(false);
  expect(verdict(filter, READ)).toBe(ALLOW);
  expect(verdict(filter, WRITE)).toBe(ERRNO | 5);
  expect(verdict(filter, PERSONALITY, [8n])).toBe(ALLOW);
  expect(verdict(filter, PERSONALITY, [9n])).toBe(ERRNO | 1);
});

test("calls newer than the profile answer ENOSYS, x32's not among x86-64's", () => {
  const { filter } = seccompFilter(profile());
  expect(verdict(filter, NEWER)).toBe(ERRNO | 38);
  expect(verdict(filter, 0x40000000 | READ)).toBe(ALLOW);
  expect(verdict(filter, 0x40000000 | NEWER)).toBe(ERRNO | 38);
  expect(verdict(filter, 2)).toBe(ERRNO | 1);
  const open = seccompFilter(profile({ defaultAction: "SCMP_ACT_ALLOW" })).filter;
  expect(verdict(open, NEWER)).toBe(ALLOW);
});

test("several comparisons of one argument are alternatives", () => {
  const args = [3, 5].map((value) => ({ index: 0, value, op: "SCMP_CMP_EQ" }));
  const { filter } = seccompFilter({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["personality"], action: "SCMP_ACT_ERRNO", args }],
  });
  expect([3n, 4n, 5n].map((value) => verdict(filter, PERSONALITY, [value]))).toEqual([
    ERRNO | 1,
    ALLOW,
    ERRNO | 1,
  ]);
});

test("64-bit values survive, the largest included", () => {
  const { filter } = seccompFilter({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      {
        names: ["personality"],
        action: "SCMP_ACT_ERRNO",
        args: [{ index: 0, value: 2 ** 64, op: "SCMP_CMP_EQ" }],
      },
    ],
  });
  expect(verdict(filter, PERSONALITY, [2n ** 64n - 1n])).toBe(ERRNO | 1);
  expect(verdict(filter, PERSONALITY, [2n ** 32n - 1n])).toBe(ALLOW);
});

test("what cannot hold is refused, in runc's words", () => {
  const refused = (extra: Partial<Seccomp>) => () => seccompFilter(profile(extra));
  expect(refused({ defaultAction: "SCMP_ACT_NOTIFY" })).toThrow(/cannot be used as default/);
  expect(refused({ architectures: ["SCMP_ARCH_NOPE"] })).toThrow(/not a valid arch/);
  expect(refused({ flags: ["SECCOMP_NOPE"] })).toThrow(/not yet supported/);
  const notify = (name: string) => [{ names: [name], action: "SCMP_ACT_NOTIFY" }];
  expect(refused({ syscalls: notify("write"), listenerPath: "/s" })).toThrow(/write syscall/);
  expect(refused({ syscalls: notify("mkdir") })).toThrow(/listenerPath must be set/);
  expect(seccompFilter(profile({ syscalls: notify("mkdir"), listenerPath: "/s" })).listener).toBe(
    true,
  );
});

test("a profile read back from the state finds the program that creation kept", () => {
  const compiled = seccompFilter(profile(), folder);
  expect(readdirSync(folder).length).toBe(1);
  const restored = seccompProfile(JSON.parse(JSON.stringify(seccompConfig(profile()))));
  expect(Buffer.from(seccompFilter(restored, folder).filter)).toEqual(Buffer.from(compiled.filter));
  expect(readdirSync(folder).length).toBe(1);
});
