import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { devicePolicy, deviceTransition, parseDeviceList, samePolicy } from "./device_policy.ts";
import { deviceProgram } from "./device_program.ts";
import { setDevices } from "./device_rules.ts";
import { defaultDeviceRules, resourceConfig } from "./resource_config.ts";

const rules = (devices: Parameters<typeof resourceConfig>[0]["devices"] & object) =>
  resourceConfig({ devices }).devices ?? [];

test("later rules win, and a rule for all starts afresh", () => {
  const policy = devicePolicy(
    rules([
      { allow: true, access: "rwm" },
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
      { allow: false, type: "c", major: 1, minor: 3, access: "w" },
    ]),
  );
  expect(policy.allowByDefault).toBe(false);
  expect([...policy.exceptions.get("c 1:3")!].sort()).toEqual(["m", "r"]);
});

test("a fresh v1 cgroup is closed first, then opened for what is allowed", () => {
  const target = devicePolicy(defaultDeviceRules(new Set()));
  const lines = deviceTransition(parseDeviceList("a *:* rwm\n"), target);
  expect(lines[0]).toEqual({ file: "devices.deny", line: "a" });
  expect(lines.slice(1).every(({ file }) => file === "devices.allow")).toBe(true);
  expect(lines).toContainEqual({ file: "devices.allow", line: "c 1:3 rwm" });
  expect(lines).toContainEqual({ file: "devices.allow", line: "c 136:* rwm" });
});

test("a closed cgroup changes by the difference alone", () => {
  const from = parseDeviceList("c 1:3 rwm\nc 1:5 rw\n");
  const to = parseDeviceList("c 1:3 r\nc 1:9 rwm\n");
  expect(deviceTransition(from, to)).toEqual([
    { file: "devices.deny", line: "c 1:3 wm" },
    { file: "devices.deny", line: "c 1:5 rw" },
    { file: "devices.allow", line: "c 1:9 rwm" },
  ]);
  expect(samePolicy(from, to)).toBe(false);
});

/** The verdict of a program, by interpreting the few opcodes that the compiler emits. */
function verdict(program: Buffer, type: number, access: number, major: number, minor: number) {
  const context = [(access << 16) | type, major, minor];
  const registers = new Array<number>(11).fill(0);
  for (let at = 0, steps = 0; steps < 10_000; at++, steps++) {
    const op = program.readUInt8(at * 8);
    const dst = program.readUInt8(at * 8 + 1) & 15;
    const src = program.readUInt8(at * 8 + 1) >> 4;
    const offset = program.readInt16LE(at * 8 + 2);
    const value = program.readInt32LE(at * 8 + 4);
    if (op === 0x61) registers[dst] = context[offset / 4]!;
    else if (op === 0xbc) registers[dst] = registers[src]!;
    else if (op === 0xb4) registers[dst] = value;
    else if (op === 0x54) registers[dst]! &= value;
    else if (op === 0x74) registers[dst]! >>>= value;
    else if (op === 0x55) at += registers[dst] !== value ? offset : 0;
    else if (op === 0x5d) at += registers[dst] !== registers[src] ? offset : 0;
    else if (op === 0x15) at += registers[dst] === value ? offset : 0;
    else if (op === 0x95) return registers[0];
    else throw new Error(`opcode ${op}`);
  }
  throw new Error("no verdict");
}

test("the v2 program gives the policy's verdicts", () => {
  const closed = deviceProgram(devicePolicy(defaultDeviceRules(new Set())));
  const [BLOCK, CHAR, MKNOD, READ, WRITE] = [1, 2, 1, 2, 4];
  expect(verdict(closed, CHAR, READ | WRITE, 1, 3)).toBe(1);
  expect(verdict(closed, CHAR, MKNOD, 7, 7)).toBe(1);
  expect(verdict(closed, CHAR, READ, 7, 7)).toBe(0);
  expect(verdict(closed, BLOCK, READ, 8, 0)).toBe(0);
  expect(verdict(closed, CHAR, READ, 136, 9)).toBe(1);
  const open = deviceProgram(
    devicePolicy(
      rules([
        { allow: true, access: "rwm" },
        { allow: false, type: "b", major: 8, access: "w" },
      ]),
    ),
  );
  expect(verdict(open, BLOCK, READ | WRITE, 8, 1)).toBe(0);
  expect(verdict(open, BLOCK, READ, 8, 1)).toBe(1);
  expect(verdict(open, CHAR, WRITE, 8, 1)).toBe(1);
});

const UNIFIED = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) =>
  existsSync(`${path}/cgroup.controllers`),
);

test.skipIf(!UNIFIED || process.getuid?.() !== 0)(
  "the kernel's verifier takes the program, on a cgroup of its own",
  () => {
    const folder = `${UNIFIED}/runc-test-${process.pid}`;
    mkdirSync(folder);
    try {
      const list = defaultDeviceRules(new Set());
      setDevices({ "": folder }, list, false);
      // A second time replaces the first program.
      setDevices({ "": folder }, list, false);
    } finally {
      rmdirSync(folder);
    }
  },
);
