import { expect, test } from "bun:test";
import { encodeFrame, FRAME, type Frame, FrameReader, MAX_DATA_BYTES } from "./frame_codec.ts";

function readAll(chunks: Uint8Array[]): { frame: Frame; oversized: boolean }[] {
  const reader = new FrameReader();
  const out: { frame: Frame; oversized: boolean }[] = [];
  for (const chunk of chunks) {
    reader.push(chunk, (frame, oversized) => out.push({ frame, oversized }));
    // The socket's buffer is reused: nothing may still point into it.
    chunk.fill(0xff);
  }
  return out;
}

const frames: Frame[] = [
  { stream: 1, type: FRAME.REQUEST, flags: 0, data: new Uint8Array([1, 2, 3]) },
  { stream: 3, type: FRAME.RESPONSE, flags: 0, data: new Uint8Array(0) },
  { stream: 0xffffffff, type: FRAME.DATA, flags: 5, data: new Uint8Array(1000).fill(7) },
];

test("the header is ten bytes, big-endian", () => {
  const bytes = encodeFrame(frames[0]!);
  expect([...bytes]).toEqual([0, 0, 0, 3, 0, 0, 0, 1, 1, 0, 1, 2, 3]);
});

test("frames survive any cut of the stream", () => {
  const whole = Buffer.concat(frames.map(encodeFrame));
  for (let size = 1; size <= whole.length; size += size < 32 ? 1 : 97) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) {
      chunks.push(Buffer.from(whole.subarray(at, at + size)));
    }
    const got = readAll(chunks);
    expect(got.map(({ frame }) => frame)).toEqual(frames);
  }
});

test("an oversized frame is told and skipped, the next one is read", () => {
  const head = Buffer.alloc(10);
  head.writeUInt32BE(MAX_DATA_BYTES + 1, 0);
  head.writeUInt32BE(5, 4);
  head[8] = FRAME.REQUEST;
  const body = Buffer.alloc(MAX_DATA_BYTES + 1);
  const got = readAll([head, body.subarray(0, 99), body.subarray(99), encodeFrame(frames[0]!)]);
  expect(got.map(({ oversized }) => oversized)).toEqual([true, false]);
  expect(got[0]!.frame.stream).toBe(5);
  expect(got[1]!.frame.data).toEqual(frames[0]!.data);
});

test("a message longer than a peer takes is not sent", () => {
  const data = new Uint8Array(MAX_DATA_BYTES + 1);
  expect(() => encodeFrame({ stream: 1, type: FRAME.REQUEST, flags: 0, data })).toThrow(RangeError);
});
