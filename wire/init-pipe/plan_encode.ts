import {
  type FieldKind,
  LAYOUT,
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
  if (plan.operations.length > PLAN_MAX_OPERATIONS) {
    throw new PlanEncodeError(PLAN_MAX_OPERATIONS, "the plan has too many operations");
  }
  const out = new Writer();
  out.u32(PLAN_MAGIC);
  out.u32(PLAN_VERSION);
  out.u32(plan.clockWithoutSyscall ? PLAN_FLAG_CLOCK : 0);
  out.u32(plan.operations.length);
  out.u32(0);
  plan.operations.forEach((operation, index) => {
    out.operation = index;
    encodeOperation(out, operation);
  });
  return out.finish();
}

function encodeOperation(out: Writer, operation: Operation): void {
  const layout = LAYOUT[operation.op];
  let code = layout.code;
  if (operation.optional) code += OPERATION_OPTIONAL;
  if (operation.byParent) code += OPERATION_BY_PARENT;
  out.u32(code);
  const lengthAt = out.length;
  out.u32(0);
  const values = operation as unknown as Record<string, unknown>;
  for (const [name, kind] of layout.fields as readonly (readonly [string, FieldKind])[]) {
    ENCODE[kind](out, values[name] as never);
  }
  out.patch(lengthAt, out.length - lengthAt - OPERATION_HEADER_BYTES / 2);
}

type Encode = (out: Writer, value: never) => void;

const ENCODE: Record<FieldKind, Encode> = {
  u32: (out, value: number) => out.u32(value),
  i32: (out, value: number) => out.i32(value),
  u64: (out, value: bigint) => out.u64(value),
  bool: (out, value: boolean) => out.u32(value ? 1 : 0),
  text: (out, value: string) => out.text(value),
  bytes: (out, value: Uint8Array) => out.bytes(value),
  i32s: (out, value: number[]) => out.list(value, (item) => out.i32(item)),
  texts: (out, value: string[]) => out.list(value, (item) => out.text(item)),
  options: (out, value: MountOption[]) => out.list(value, (item) => encodeOption(out, item)),
  attributes: encodeAttributes,
};

function encodeOption(out: Writer, [key, value]: MountOption): void {
  out.text(key);
  if (value === undefined) out.u32(0);
  else out.text(value);
}

function encodeAttributes(out: Writer, value: MountAttributes): void {
  out.u64(value.set);
  out.u64(value.clear);
  out.u64(value.recursiveSet);
  out.u64(value.recursiveClear);
  out.list(value.propagation, (item) => out.i32(item));
}

/** A growing buffer, little-endian, everything padded to four bytes. */
class Writer {
  #buffer = Buffer.alloc(8192);
  length = 0;
  operation = 0;

  u32(value: number): void {
    this.#room(4);
    this.length = this.#buffer.writeUInt32LE(value >>> 0, this.length);
  }

  i32(value: number): void {
    this.#room(4);
    this.length = this.#buffer.writeInt32LE(value | 0, this.length);
  }

  u64(value: bigint): void {
    this.#room(8);
    this.length = this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.length);
  }

  text(value: string): void {
    if (value.includes("\0")) {
      throw new PlanEncodeError(this.operation, `${JSON.stringify(value)} contains a null byte`);
    }
    const size = Buffer.byteLength(value) + 1;
    this.u32(size);
    this.#room(size + 4);
    this.#buffer.write(value, this.length);
    this.#buffer[this.length + size - 1] = 0;
    this.#pad(size);
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    this.#room(value.length + 4);
    this.#buffer.set(value, this.length);
    this.#pad(value.length);
  }

  list<T>(values: readonly T[], each: (value: T) => void): void {
    if (values.length > PLAN_MAX_STRINGS) {
      throw new PlanEncodeError(this.operation, "argument list too long");
    }
    this.u32(values.length);
    for (const value of values) each(value);
  }

  patch(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  finish(): Buffer {
    this.patch(PLAN_HEADER_BYTES - 4, this.length);
    return this.#buffer.subarray(0, this.length);
  }

  #pad(size: number): void {
    const end = this.length + ((size + 3) & ~3);
    this.#buffer.fill(0, this.length + size, end);
    this.length = end;
  }

  #room(size: number): void {
    const wanted = this.length + size;
    if (wanted <= this.#buffer.length) return;
    if (wanted > PLAN_MAX_BYTES) {
      throw new PlanEncodeError(this.operation, "the plan is too long");
    }
    const larger = Buffer.alloc(Math.max(wanted, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}
