import { expect, test } from "bun:test";
import { type AgedImage, imagesToRemove } from "./image_gc.ts";

const NOW = 1_000_000;

const image = (id: string, usedMs: number, more: object = {}): AgedImage => ({
  image: {
    id,
    tags: [`${id}:1`],
    digests: [],
    sizeBytes: 100,
    username: "",
    pinned: false,
    ...more,
  },
  seenMs: 0,
  usedMs,
});

const ids = (images: AgedImage[], inUse: string[], bytes: number) =>
  imagesToRemove(images, new Set(inUse), bytes, NOW).map(({ id }) => id);

test("what was not used for longest goes first, and no more than is needed", () => {
  const images = [image("a", 30), image("b", 10), image("c", 20)];
  expect(ids(images, [], 150)).toEqual(["b", "c"]);
});

test("what is in use, pinned or young stays", () => {
  const images = [
    image("used", 0),
    image("named", 0),
    image("pinned", 0, { pinned: true }),
    { ...image("young", 0), seenMs: NOW - 1_000 },
    image("old", 5),
  ];
  expect(ids(images, ["used", "named:1"], 10_000)).toEqual(["old"]);
});
