import { expect, test } from "bun:test";
import { Http2Error } from "./frame_layout.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import { encodeHeaders } from "./header_encoder.ts";
import type { Field } from "./hpack_tables.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

test("the examples of RFC 7541 (C.3, C.4): three requests that build on each other", () => {
  const first: Field[] = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ];
  const second: Field[] = [...first, ["cache-control", "no-cache"]];
  const third: Field[] = [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ];
  const plain = [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ];
  const huffman = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ];
  for (const blocks of [plain, huffman]) {
    const decoder = new HeaderDecoder();
    expect(blocks.map((block) => decoder.decode(bytes(block)))).toEqual([first, second, third]);
  }
});

test("what is encoded is decoded, however long", () => {
  const fields: Field[] = [
    [":path", "/containerd.services.tasks.v1.Tasks/Exec"],
    ["grpc-status", "0"],
    ["content-type", "application/grpc"],
    ["long", "x".repeat(40_000)],
    ["latin", "\u00e9\u0000\u00ff"],
  ];
  expect(new HeaderDecoder().decode(encodeHeaders(fields))).toEqual(fields);
});

test("the table forgets its oldest fields when it is full, or made smaller", () => {
  const decoder = new HeaderDecoder();
  const kept = (value: string) =>
    Buffer.concat([bytes("40 01 6b 7f"), Buffer.from(varint(value.length - 127)), latin(value)]);
  for (const letter of ["a", "b", "c"]) decoder.decode(kept(letter.repeat(1500)));
  // 62 is the newest, 63 the one before it; the first of the three is gone.
  expect(decoder.decode(bytes("be bf")).map(([, value]) => value[0])).toEqual(["c", "b"]);
  expect(() => decoder.decode(bytes("c0"))).toThrow(Http2Error);
  const shrunk = new HeaderDecoder();
  shrunk.decode(kept("a".repeat(1500)));
  expect(() => shrunk.decode(bytes("20 be"))).toThrow("field 62");
});

test("malformed blocks are refused", () => {
  const malformed = {
    "field zero": "80",
    "an unknown field": "ff 80 01",
    "a string cut short": "40 05 61 62",
    "a number without end": "ff ff ff ff ff ff ff ff ff",
    "a table larger than allowed": "3f e2 1f",
    "a table's size after a field": "82 20",
    "Huffman padding of zeros": "40 81 00 81 18",
    "Huffman padding of a byte": "40 82 1f ff 01 61",
    "the Huffman code of the end": "40 84 ff ff ff ff 01 61",
  };
  for (const [what, block] of Object.entries(malformed)) {
    expect(() => new HeaderDecoder().decode(bytes(block)), what).toThrow(Http2Error);
  }
});

test("a small block that stands for endless fields is refused", () => {
  const decoder = new HeaderDecoder();
  const value = latin("x".repeat(4000));
  decoder.decode(Buffer.concat([bytes("40 01 6b 7f"), Buffer.from(varint(4000 - 127)), value]));
  expect(() => decoder.decode(Buffer.alloc(10_000, 0xbe))).toThrow("too long");
});

const latin = (text: string) => Buffer.from(text, "latin1");

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}
