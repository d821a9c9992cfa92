import type { DevicePolicy } from "./device_policy.ts";

/*
 * A BPF_PROG_TYPE_CGROUP_DEVICE program. Its context (linux/bpf.h, struct bpf_cgroup_dev_ctx) is
 *   u32 access_type   access << 16 | type
 *   u32 major
 *   u32 minor
 * and it returns 1 to allow.
 */

const R0 = 0;
const CONTEXT = 1;
const TYPE = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;
const SCRATCH = 6;

/**
 * Opcodes: BPF_LDX|BPF_W|BPF_MEM, and 32-bit ALU and 64-bit jump with K (constant) or X operands.
 */
const LOAD_WORD = 0x61;
const MOV32_X = 0xbc;
const MOV32_K = 0xb4;
const AND32_K = 0x54;
const RSH32_K = 0x74;
const JNE_K = 0x55;
const JNE_X = 0x5d;
const JEQ_K = 0x15;
const EXIT = 0x95;

/** Values of enum in linux/bpf.h. */
const TYPES: Record<string, number> = { b: 1, c: 2 };
const ACCESSES: Record<string, number> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

interface Instruction {
  op: number;
  dst: number;
  src: number;
  offset: number;
  value: number;
}

const instruction = (op: number, dst = 0, src = 0, value = 0, offset = 0): Instruction => ({
  op,
  dst,
  src,
  offset,
  value,
});

/** The checks of one exception. Jumps with offset -1 go past its verdict and are resolved here. */
function exceptionCode(key: string, letters: Set<string>, verdict: number): Instruction[] {
  const [type, device] = key.split(" ") as [string, string];
  const [major, minor] = device.split(":") as [string, string];
  let access = 0;
  for (const letter of letters) access |= ACCESSES[letter] ?? 0;
  const code: Instruction[] = [];
  if (TYPES[type] !== undefined) code.push(instruction(JNE_K, TYPE, 0, TYPES[type], -1));
  if (access !== ALL_ACCESS) {
    code.push(instruction(MOV32_X, SCRATCH, ACCESS), instruction(AND32_K, SCRATCH, 0, access));
    // Allowed when all that is asked for is granted; denied when any of it is.
    code.push(
      verdict === 1
        ? instruction(JNE_X, SCRATCH, ACCESS, 0, -1)
        : instruction(JEQ_K, SCRATCH, 0, 0, -1),
    );
  }
  if (major !== "*") code.push(instruction(JNE_K, MAJOR, 0, Number(major), -1));
  if (minor !== "*") code.push(instruction(JNE_K, MINOR, 0, Number(minor), -1));
  code.push(instruction(MOV32_K, R0, 0, verdict), instruction(EXIT));
  return code.map((each, index) =>
    each.offset === -1 ? { ...each, offset: code.length - index - 1 } : each,
  );
}

function encode(code: Instruction[]): Buffer {
  const bytes = Buffer.alloc(code.length * 8);
  code.forEach(({ op, dst, src, offset, value }, index) => {
    bytes.writeUInt8(op, index * 8);
    bytes.writeUInt8((src << 4) | dst, index * 8 + 1);
    bytes.writeInt16LE(offset, index * 8 + 2);
    bytes.writeInt32LE(value | 0, index * 8 + 4);
  });
  return bytes;
}

/** Compiles a policy to a program. Exceptions all have the same verdict, so their order is free. */
export function deviceProgram(policy: DevicePolicy): Buffer {
  const code = [
    instruction(LOAD_WORD, TYPE, CONTEXT, 0, 0),
    instruction(MOV32_X, ACCESS, TYPE),
    instruction(AND32_K, TYPE, 0, 0xffff),
    instruction(RSH32_K, ACCESS, 0, 16),
    instruction(LOAD_WORD, MAJOR, CONTEXT, 0, 4),
    instruction(LOAD_WORD, MINOR, CONTEXT, 0, 8),
  ];
  const verdict = policy.allowByDefault ? 0 : 1;
  for (const [key, letters] of policy.exceptions) {
    code.push(...exceptionCode(key, letters, verdict));
  }
  code.push(instruction(MOV32_K, R0, 0, policy.allowByDefault ? 1 : 0), instruction(EXIT));
  return encode(code);
}
