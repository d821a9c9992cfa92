import { expect, test } from "bun:test";
import { AuthorityFilter } from "./authority_filter.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

function headers(block: Buffer): Buffer {
  const head = Buffer.from([0, 0, block.length, 1, 4, 0, 0, 0, 1]);
  return Buffer.concat([head, block]);
}

/** `:method POST`, then `:authority` as a literal. */
const plain = (text: string) =>
  headers(Buffer.concat([Buffer.from([0x83, 0x41, text.length]), Buffer.from(text)]));

test("slashes of an authority become dots, whatever the pieces", () => {
  const sent = Buffer.concat([PREFACE, SETTINGS, plain("/run/cri.sock"), SETTINGS]);
  const wanted = Buffer.concat([PREFACE, SETTINGS, plain(".run.cri.sock"), SETTINGS]);
  const whole = new AuthorityFilter().push(Buffer.from(sent));
  expect(whole.equals(wanted)).toBe(true);
  const filter = new AuthorityFilter();
  const pieces = [...sent].map((byte) => filter.push(Buffer.from([byte])));
  expect(Buffer.concat(pieces).equals(wanted)).toBe(true);
});

test("Huffman's code keeps its length", () => {
  // "/a/b" is 011000 00011 011000 100011, padded with ones; with dots 010111 for 011000.
  const bits = (text: string) => {
    const padded = text.padEnd(Math.ceil(text.length / 8) * 8, "1");
    return Buffer.from(padded.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  };
  const block = (value: Buffer) =>
    headers(Buffer.concat([Buffer.from([0x41, 0x80 | value.length]), value]));
  const sent = block(bits("01100000011011000100011"));
  const wanted = block(bits("01011100011010111100011"));
  const filter = new AuthorityFilter();
  filter.push(PREFACE);
  expect(filter.push(sent).equals(wanted)).toBe(true);
});

test("paths of requests and bodies are not touched", () => {
  const path = headers(Buffer.concat([Buffer.from([0x44, 4]), Buffer.from("/a/b")]));
  const data = Buffer.concat([Buffer.from([0, 0, 3, 0, 0, 0, 0, 0, 1]), Buffer.from("/x/")]);
  const sent = Buffer.concat([PREFACE, path, data]);
  expect(new AuthorityFilter().push(Buffer.from(sent)).equals(sent)).toBe(true);
});
