import { expect, test } from "bun:test";
import { constants, createDeflate, inflateSync } from "node:zlib";
import { SPDY_DICTIONARY } from "./spdy_dictionary.ts";
import { controlFrame, dataFrame, FrameReader } from "./spdy_frames.ts";
import { HeaderDecoder, HeaderEncoder } from "./spdy_headers.ts";

/** A header block as the protocol writes it, before compression. */
function block(headers: Record<string, string>): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const entries = Object.entries(headers);
  const texts = entries.flat().flatMap((text) => [number(text.length), Buffer.from(text)]);
  return Buffer.concat([number(entries.length), ...texts]);
}

/** One zlib stream for all blocks with a flush after each, as other implementations send them. */
async function compressed(blocks: Buffer[]): Promise<Buffer[]> {
  const stream = createDeflate({ dictionary: SPDY_DICTIONARY, level: 9 });
  const out: Buffer[] = [];
  for (const bytes of blocks) {
    const pieces: Buffer[] = [];
    const take = (piece: Buffer) => pieces.push(piece);
    stream.on("data", take);
    stream.write(bytes);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    await Bun.sleep(1);
    stream.off("data", take);
    out.push(Buffer.concat(pieces));
  }
  return out;
}

test("header blocks of one stream are read one by one", async () => {
  const sent = [
    { streamtype: "error", port: "8080", requestid: "0" },
    { streamtype: "data", port: "8080", requestid: "0" },
    { streamtype: "data", "content-type": "x".repeat(1000) },
  ];
  const decoder = new HeaderDecoder();
  for (const [index, bytes] of (await compressed(sent.map(block))).entries()) {
    expect(Object.fromEntries(decoder.decode(bytes))).toEqual(sent[index]!);
  }
});

test("what we send is one zlib stream to others", () => {
  const encoder = new HeaderEncoder();
  const first = encoder.encode(new Map([["a", "b"]]));
  const second = encoder.encode(new Map());
  const text = inflateSync(Buffer.concat([first, second]), {
    dictionary: SPDY_DICTIONARY,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  expect(text).toEqual(Buffer.concat([block({ a: "b" }), block({})]));
});

test("frames come in any pieces", () => {
  const sent = Buffer.concat([
    controlFrame(6, [7]),
    dataFrame(3, Buffer.from("text"), true),
    dataFrame(5, Buffer.alloc(0), false),
  ]);
  const reader = new FrameReader();
  const frames = [...sent].flatMap((byte) => reader.push(Buffer.from([byte])));
  expect(frames).toMatchObject([
    { kind: "control", type: 6 },
    { kind: "data", stream: 3, flags: 1 },
    { kind: "data", stream: 5, flags: 0 },
  ]);
});

test("what is no SPDY, or too much of it, ends the connection", () => {
  expect(() => new FrameReader().push(Buffer.from("\x80\x02\x00\x01\0\0\0\0", "latin1"))).toThrow(
    "SPDY version 2",
  );
  expect(() => new FrameReader().push(Buffer.from([0, 0, 0, 1, 0, 255, 255, 255]))).toThrow(
    "a frame of 16777215 bytes",
  );
  const bomb = new HeaderEncoder().encode(new Map([["a", "b".repeat(100_000)]]));
  expect(() => new HeaderDecoder().decode(bomb)).toThrow();
});
