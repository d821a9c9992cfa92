/** The keeper's messages (keeper/keeper.h): one packet each, numbers little-endian. */

export const MESSAGE = {
  HELLO: 1,
  OPEN: 2,
  SPAWN: 3,
  ADOPT: 4,
  CONSOLE: 5,
  RESIZE: 6,
  CLOSE_STDIN: 7,
  SIGNAL: 8,
  FORGET: 9,
  QUIT: 10,
  REPLY: 64,
  EXIT: 65,
  HELPER: 66,
  CONSOLE_READY: 67,
  DRAINED: 68,
} as const;

/** What a descriptor handed over by OPEN is for. */
export const ROLE = {
  IN: 0,
  OUT: 1,
  ERR: 2,
  IN_HOLD: 3,
  OUT_HOLD: 4,
  ERR_HOLD: 5,
  OUT_FROM: 6,
  OUT_TO: 7,
  ALT_FROM: 8,
  ALT_TO: 9,
} as const;

/** States of a ledger's slot. */
export const ENTRY_STATE = { FREE: 0, OPENED: 1, RUNNING: 2, EXITED: 3 } as const;

const HEADER_BYTES = 16;
export const RECORD_BYTES = 32;
const HAS_EXEC_FD = 1;
const HAS_STDIO = 2;

export interface Packet {
  type: number;
  request: number;
  token: number;
  payload: Uint8Array;
}

/** A process as keeper and ledger describe it. */
export interface KeptProcess {
  token: number;
  pid: number;
  state: number;
  /** The exit code, or 128 + signal; as Go's reaper has it. */
  status: number;
  /** When it was reaped, nanoseconds since 1970. */
  exitedNs: bigint;
}

export interface SpawnFields {
  executable: string;
  cwd: string;
  argv: string[];
  env: string[];
  /** Numbers that the extra descriptors get in the child. */
  targets: number[];
  execFd: boolean;
  stdio: boolean;
}

/** Encodes one message, header and payload. */
export function encodePacket(packet: Packet): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + packet.payload.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(packet.type, 4);
  bytes.writeUInt32LE(packet.request, 8);
  bytes.writeUInt32LE(packet.token, 12);
  bytes.set(packet.payload, HEADER_BYTES);
  return bytes;
}

/** Cuts what was received into packets: several may have been read at once. */
export function decodePackets(bytes: Uint8Array): Packet[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packets: Packet[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    packets.push({
      type: view.getUint32(at + 4, true),
      request: view.getUint32(at + 8, true),
      token: view.getUint32(at + 12, true),
      payload: new Uint8Array(bytes.subarray(at + HEADER_BYTES, at + length)),
    });
    at += length;
  }
  if (at !== bytes.length) throw new RangeError("the keeper sent a broken packet");
  return packets;
}

/** A payload of unsigned 32-bit numbers. */
export function numbers(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, index * 4);
  return bytes;
}

/** The payload of SPAWN. Throws on a NUL inside a string: it would shift all that follow. */
export function encodeSpawn(fields: SpawnFields): Uint8Array {
  const flags = (fields.execFd ? HAS_EXEC_FD : 0) | (fields.stdio ? HAS_STDIO : 0);
  const { argv, env, targets } = fields;
  const strings = [fields.executable, fields.cwd, ...argv, ...env];
  const hostile = strings.find((text) => text.includes("\0"));
  if (hostile !== undefined) throw new TypeError("a NUL character in a command's strings");
  const head = numbers(flags, argv.length, env.length, targets.length, ...targets);
  return Buffer.concat([head, Buffer.from(strings.map((text) => `${text}\0`).join(""))]);
}

/** Reads one slot of the ledger, or the payload of EXIT and HELPER. */
export function decodeRecord(bytes: Uint8Array, at = 0): KeptProcess {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES);
  const code = view.getInt32(12, true);
  const signal = view.getInt32(16, true);
  return {
    token: view.getUint32(0, true),
    pid: view.getUint32(4, true),
    state: view.getUint32(8, true),
    status: signal ? 128 + signal : code,
    exitedNs: view.getBigUint64(24, true),
  };
}
