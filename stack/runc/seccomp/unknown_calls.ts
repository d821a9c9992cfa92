import { ARCHITECTURES } from "./seccomp_names.ts";

/*
 * Calls that are newer than a profile. A profile whose default is EPERM answers them with EPERM,
 * and programs that probe for a call expect ENOSYS: they fall back on that only. So the filter is
 * preceded by a few instructions that answer ENOSYS for every number above the highest that the
 * profile names.
 */

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;

const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
/** x32 calls have x86-64's architecture and this bit in their number. */
const X32_BIT = 0x40000000;
const RETURN_ENOSYS = 0x00050000 | 38;

interface Instruction {
  code: number;
  ifTrue: number;
  ifFalse: number;
  value: number;
}

const op = (code: number, value: number, ifTrue = 0, ifFalse = 0): Instruction => ({
  code,
  ifTrue,
  ifFalse,
  value,
});

/** Checks of one audit architecture, to be run when the architecture is this one. */
function architectureChecks(token: number, highest: number, highestX32: number | undefined) {
  const checks = [op(LOAD_WORD, NUMBER_OFFSET)];
  const answer = [op(JUMP_GREATER, highest, 0, 1), op(RETURN, RETURN_ENOSYS)];
  if (token !== ARCHITECTURES["SCMP_ARCH_X86_64"]) return [...checks, ...answer];
  const x32 =
    highestX32 === undefined
      ? []
      : [op(JUMP_GREATER, (highestX32 | X32_BIT) >>> 0, 0, 1), op(RETURN, RETURN_ENOSYS)];
  // x32 numbers jump over the native check; without x32 in the profile they go to the filter.
  const skipX32 = x32.length > 0 ? [op(JUMP_AT_LEAST, 0, x32.length, x32.length)] : [];
  return [
    ...checks,
    op(JUMP_AT_LEAST, X32_BIT, answer.length + skipX32.length, 0),
    ...answer,
    ...skipX32,
    ...x32,
  ];
}

/** classic BPF bytes: u16 code, u8 jt, u8 jf, u32 k (linux/filter.h). */
function encode(program: Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, ifTrue, ifFalse, value }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return bytes;
}

/**
 * The instructions to put before a filter. Takes the highest call number that the profile names, by
 * architecture token.
 */
export function unknownCallsPrelude(highest: ReadonlyMap<number, number>): Buffer {
  const x32 = highest.get(ARCHITECTURES["SCMP_ARCH_X32"]!);
  const program: Instruction[] = [];
  for (const [token, number] of highest) {
    if (token === ARCHITECTURES["SCMP_ARCH_X32"] || number < 0) continue;
    const checks = architectureChecks(token, number, x32);
    program.push(op(LOAD_WORD, ARCHITECTURE_OFFSET), op(JUMP_EQUAL, token, 0, checks.length));
    program.push(...checks);
  }
  return encode(program);
}
