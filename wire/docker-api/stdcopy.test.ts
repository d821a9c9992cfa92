import { expect, test } from "bun:test";
import { encodeFrame, FrameDecoder } from "./stdcopy.ts";

const text = (value: string) => new TextEncoder().encode(value);

test("a frame is stream, three zeros, length, data", () => {
  expect([...encodeFrame({ stream: 2, data: text("hi") })]).toEqual([
    2, 0, 0, 0, 0, 0, 0, 2, 104, 105,
  ]);
});

test("frames survive any cut of the stream", () => {
  const whole = Buffer.concat([
    encodeFrame({ stream: 1, data: text("out") }),
    encodeFrame({ stream: 2, data: text("") }),
    encodeFrame({ stream: 2, data: text("error") }),
  ]);
  for (let size = 1; size <= whole.length; size++) {
    const decoder = new FrameDecoder();
    const got: string[] = [];
    for (let at = 0; at < whole.length; at += size) {
      for (const chunk of decoder.push(whole.subarray(at, at + size))) {
        got.push(`${chunk.stream}:${Buffer.from(chunk.data).toString()}`);
      }
    }
    expect(got).toEqual(["1:out", "2:", "2:error"]);
  }
});

test("bytes that are no frame are refused", () => {
  expect(() => new FrameDecoder().push(text("plain text"))).toThrow("unrecognized input header");
  const huge = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  expect(() => new FrameDecoder().push(huge)).toThrow("stream frame of");
});
