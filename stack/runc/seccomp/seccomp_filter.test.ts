import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import type { Seccomp } from "../spec/spec_seccomp.ts";
import { seccompConfig, seccompProfile } from "../state/seccomp_config.ts";
import { keepFilter, loadFilter, trustedFolder } from "./filter_store.ts";
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
  const stateDir = `${folder}/container`;
  mkdirSync(stateDir);
  const unseen = profile({ defaultErrnoRet: 7 });
  const compiled = seccompFilter(unseen, stateDir);
  const kept = () => readdirSync(folder).filter((name) => name.startsWith("."));
  expect(kept().length).toBe(1);
  const restored = seccompProfile(JSON.parse(JSON.stringify(seccompConfig(unseen))));
  const again = seccompFilter(restored, stateDir).filter;
  expect(Buffer.from(again)).toEqual(Buffer.from(compiled.filter));
  expect(kept().length).toBe(1);
});

test("a program is shared by containers of a root, and taken from root's own files only", () => {
  const digest = "ab".repeat(32);
  const program = Buffer.from("12345678abcdefgh");
  keepFilter(folder, digest, program);
  const path = `${folder}/.catena-seccomp-${digest.slice(0, 32)}`;
  expect(Buffer.from(loadFilter(folder, digest)!)).toEqual(program);
  expect(loadFilter(folder, digest.replace(/.$/, "c"))).toBeUndefined();
  chmodSync(path, 0o620);
  expect(loadFilter(folder, digest)).toBeUndefined();
  chmodSync(path, 0o600);
  renameSync(path, `${folder}/elsewhere`);
  symlinkSync(`${folder}/elsewhere`, path);
  expect(loadFilter(folder, digest)).toBeUndefined();
  expect(trustedFolder(folder)).toBe(true);
  chmodSync(folder, 0o777);
  expect(trustedFolder(folder)).toBe(false);
  chmodSync(folder, 0o700);
});

test("no more programs are kept than a host has profiles", () => {
  for (let i = 0; i < 40; i++) {
    keepFilter(folder, String(i).padStart(32, "0").repeat(2), Buffer.alloc(8));
  }
  const kept = readdirSync(folder).filter((name) => name.startsWith(".catena-seccomp-"));
  expect(kept.length).toBe(32);
});
