import {
  OPERATION_BY_PARENT,
  OPERATION_HEADER_BYTES,
  OPERATION_OPTIONAL,
  PLAN_FLAG_CLOCK,
  PLAN_HEADER_BYTES,
  PLAN_MAGIC,
  PLAN_MAX_BYTES,
  PLAN_MAX_OPERATIONS,
  PLAN_MAX_STRINGS,
  PLAN_VERSION,
} from "./layout.ts";
import type { MountAttributes, MountOption, Operation, Plan } from "./operation.ts";
import { type FieldKind, LAYOUT } from "./operation_layout.ts";

const FIRST_BYTES = 16 * 1024;
const LOW_WORD = 0xffffffffn;

/** A plan that cannot be laid out: too long, or a text holds a NUL. */
export class PlanEncodeError extends Error {
  readonly operation: number;

  constructor(operation: number, message: string) {
    super(message);
    this.operation = operation;
  }
}

/** Lays a plan out as init reads it. Throws PlanEncodeError when a limit is passed. */
export function encodePlan(plan: Plan): Buffer {
  const { operations } = plan;
  if (operations.length > PLAN_MAX_OPERATIONS) {
    throw new PlanEncodeError(PLAN_MAX_OPERATIONS, "the plan has too many operations");
  }
  const out = new PlanWriter();
  out.u32(PLAN_MAGIC);
  out.u32(PLAN_VERSION);
  out.u32(plan.clockWithoutSyscall ? PLAN_FLAG_CLOCK : 0);
  out.u32(operations.length);
  out.u32(0);
  for (let index = 0; index < operations.length; index++) {
    out.operation = index;
    encodeOperation(out, operations[index]!);
  }
  return out.finish();
}

function encodeOperation(out: PlanWriter, operation: Operation): void {
  const { code, fields } = LAYOUT[operation.op];
  let word = code;
  if (operation.optional) word += OPERATION_OPTIONAL;
  if (operation.byParent) word += OPERATION_BY_PARENT;
  out.u32(word);
  const lengthAt = out.length;
  out.u32(0);
  const values = operation as unknown as Record<string, unknown>;
  const kinds = fields as Readonly<Record<string, FieldKind>>;
  for (const name in kinds) encodeField(out, kinds[name]!, values[name]);
  out.patch(lengthAt, out.length - lengthAt - OPERATION_HEADER_BYTES / 2);
}

function encodeField(out: PlanWriter, kind: FieldKind, value: unknown): void {
  if (kind === "text") out.text(value as string);
  else if (kind === "i32" || kind === "u32") out.u32(value as number);
  else if (kind === "bool") out.u32(value ? 1 : 0);
  else if (kind === "u64") out.u64(value as bigint);
  else if (kind === "bytes") out.bytes(value as Uint8Array);
  else if (kind === "attributes") encodeAttributes(out, value as MountAttributes);
  else if (kind === "options") encodeOptions(out, value as MountOption[]);
  else encodeList(out, kind, value as (string | number)[]);
}

function encodeList(out: PlanWriter, kind: FieldKind, values: readonly (string | number)[]): void {
  out.count(values.length);
  for (const value of values) {
    if (kind === "texts") out.text(value as string);
    else out.u32(value as number);
  }
}

function encodeOptions(out: PlanWriter, options: readonly MountOption[]): void {
  out.count(options.length);
  for (const [key, value] of options) {
    out.text(key);
    if (value === undefined) out.u32(0);
    else out.text(value);
  }
}

function encodeAttributes(out: PlanWriter, value: MountAttributes): void {
  out.u64(value.set);
  out.u64(value.clear);
  out.u64(value.recursiveSet);
  out.u64(value.recursiveClear);
  encodeList(out, "i32s", value.propagation);
}

/**
 * A growing buffer, little-endian, everything padded to four bytes. Plain fields and loops: a
 * command runs this once, uncompiled, where private fields and closures cost a millisecond.
 */
class PlanWriter {
  memory = Buffer.alloc(FIRST_BYTES);
  length = 0;
  operation = 0;

  u32(value: number): void {
    if (this.length + 8 > this.memory.length) this.grow(8);
    this.length = this.memory.writeInt32LE(value | 0, this.length);
  }

  u64(value: bigint): void {
    this.u32(Number(value & LOW_WORD));
    this.u32(Number((value >> 32n) & LOW_WORD));
  }

  text(value: string): void {
    if (value.includes("\0")) {
      throw new PlanEncodeError(this.operation, `${JSON.stringify(value)} contains a null byte`);
    }
    // The final NUL is among the zeros that follow: the buffer was made of zeros.
    const most = value.length * 3 + 8;
    if (this.length + most > this.memory.length) this.grow(most);
    const size = this.memory.write(value, this.length + 4) + 1;
    this.u32(size);
    this.length += (size + 3) & ~3;
  }

  bytes(value: Uint8Array): void {
    this.grow(value.length + 8);
    this.u32(value.length);
    this.memory.set(value, this.length);
    this.length += (value.length + 3) & ~3;
  }

  count(value: number): void {
    if (value > PLAN_MAX_STRINGS)
      throw new PlanEncodeError(this.operation, "argument list too long");
    this.u32(value);
  }

  patch(at: number, value: number): void {
    this.memory.writeUInt32LE(value, at);
  }

  finish(): Buffer {
    this.patch(PLAN_HEADER_BYTES - 4, this.length);
    return this.memory.subarray(0, this.length);
  }

  grow(size: number): void {
    const wanted = this.length + size;
    if (wanted <= this.memory.length) return;
    if (wanted > PLAN_MAX_BYTES) throw new PlanEncodeError(this.operation, "the plan is too long");
    const larger = Buffer.alloc(Math.max(wanted, this.memory.length * 2));
    this.memory.copy(larger, 0, 0, this.length);
    this.memory = larger;
  }
}
