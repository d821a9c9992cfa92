import { expect, test } from "bun:test";
import { pack } from "tar-stream";
import { TarWalk } from "./tar_walk.ts";

async function tar(): Promise<Buffer> {
  const packing = pack();
  packing.entry({ name: "dir", type: "directory" });
  packing.entry({ name: "x".repeat(300) }, "long name");
  packing.entry({ name: "big" }, Buffer.alloc(5000));
  packing.entry({ name: "link", type: "symlink", linkname: "big" });
  packing.finalize();
  const parts: Buffer[] = [];
  for await (const part of packing) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function walk(data: Buffer, step: number): number {
  const walker = new TarWalk();
  for (let at = 0; at < data.length; at += step) walker.push(data.subarray(at, at + step));
  walker.end();
  return walker.entries;
}

test("entries are counted whatever the pieces", async () => {
  const whole = await tar();
  for (const step of [1, 100, 512, 4096, 1 << 20]) expect(walk(whole, step)).toBe(4);
});

test("a tar that was cut is refused, wherever it was cut inside an entry", async () => {
  const whole = await tar();
  for (const length of [100, 700, 2000, 4000]) {
    expect(() => walk(whole.subarray(0, length), 512)).toThrow("unexpected EOF");
  }
});

test("what is no tar is refused", () => {
  expect(() => walk(Buffer.alloc(1024, 65), 512)).toThrow("invalid tar header");
  expect(walk(Buffer.alloc(0), 512)).toBe(0);
});
