import { expect, test } from "bun:test";
import { acceptKey, encodeMessage, MessageReader, OPCODE } from "./websocket_frames.ts";

/** A client's frame: masked, with the length in its shortest form. */
function frame(first: number, text: string): Buffer {
  const data = Buffer.from(text);
  const length = data.length < 126 ? [data.length] : [126, data.length >> 8, data.length & 255];
  const mask = [1, 2, 3, 4];
  const masked = data.map((byte, index) => byte ^ mask[index & 3]!);
  return Buffer.concat([
    Buffer.from([first, 0x80 | length[0]!, ...length.slice(1), ...mask]),
    masked,
  ]);
}

test("the key of RFC 6455's example", () => {
  expect(acceptKey("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("messages in fragments, a ping between them, in any pieces", () => {
  const long = "y".repeat(300);
  const sent = Buffer.concat([
    frame(0x02, "ab"),
    frame(0x89, "p"),
    frame(0x80, "cd"),
    frame(0x82, long),
  ]);
  const reader = new MessageReader();
  const messages = [...sent].flatMap((byte) => reader.push(Buffer.from([byte])));
  expect(messages.map(({ opcode, data }) => [opcode, data.toString()])).toEqual([
    [OPCODE.PING, "p"],
    [OPCODE.BINARY, "abcd"],
    [OPCODE.BINARY, long],
  ]);
});

test("what a client must not send is refused", () => {
  expect(() => new MessageReader().push(Buffer.from([0x82, 0x01, 0x61]))).toThrow("not masked");
  expect(() => new MessageReader().push(Buffer.from([0xc2, 0x80]))).toThrow("reserved bits");
  const huge = Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(() => new MessageReader().push(huge)).toThrow("a frame of 4294967296 bytes");
});

test("lengths of what we send", () => {
  expect(encodeMessage(OPCODE.BINARY, Buffer.alloc(125)).length).toBe(127);
  expect([...encodeMessage(OPCODE.BINARY, Buffer.alloc(300)).subarray(0, 4)]).toEqual([
    130, 126, 1, 44,
  ]);
  expect(encodeMessage(OPCODE.BINARY, Buffer.alloc(70_000)).length).toBe(70_010);
});
