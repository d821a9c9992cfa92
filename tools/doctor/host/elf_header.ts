export interface ElfHeader {
  /** The processor it was built for. */
  machine: string;
  /** PT_INTERP: the dynamic loader that it names. */
  interpreter?: string;
}

/** e_machine, System V ABI. */
const MACHINES: Record<number, string> = {
  3: "i386",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86-64",
  183: "arm64",
  243: "riscv",
  258: "loongarch",
};

const PT_INTERP = 3;
const MAX_PROGRAM_HEADERS = 64;

/** Reads an ELF file's first bytes. Undefined when they are not a whole ELF header. */
export function readElf(head: Buffer): ElfHeader | undefined {
  if (head.length < 64 || head.subarray(0, 4).toString("latin1") !== "\x7fELF") return undefined;
  const wide = head[4] === 2;
  const big = head[5] === 2;
  const u16 = (at: number) => (big ? head.readUInt16BE(at) : head.readUInt16LE(at));
  const u32 = (at: number) => (big ? head.readUInt32BE(at) : head.readUInt32LE(at));
  const word = (at: number) =>
    wide ? Number(big ? head.readBigUInt64BE(at) : head.readBigUInt64LE(at)) : u32(at);
  const machine = MACHINES[u16(18)] ?? `machine ${u16(18)}`;
  const table = word(wide ? 32 : 28);
  const size = u16(wide ? 54 : 42);
  const count = Math.min(u16(wide ? 56 : 44), MAX_PROGRAM_HEADERS);
  const header: ElfHeader = { machine };
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    if (at + (wide ? 56 : 32) > head.length) break;
    if (u32(at) !== PT_INTERP) continue;
    const offset = word(at + (wide ? 8 : 4));
    const length = word(at + (wide ? 32 : 16));
    if (offset + length > head.length) break;
    header.interpreter = head
      .subarray(offset, offset + length)
      .toString("latin1")
      .replace(/\0.*$/s, "");
  }
  return header;
}
