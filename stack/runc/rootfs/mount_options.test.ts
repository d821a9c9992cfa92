import { expect, test } from "bun:test";
import { ATTR, knownMountOptions, parseMountOptions } from "./mount_options.ts";

test("later options win", () => {
  const { attributes } = parseMountOptions(["ro", "rw", "nosuid", "dev", "nodev"]);
  expect(attributes).toMatchObject({ set: ATTR.NOSUID | ATTR.NODEV, clear: ATTR.RDONLY });
});

test("an access time names its whole field", () => {
  const { attributes } = parseMountOptions(["noatime", "strictatime"]);
  expect(attributes.set & ATTR.ATIME_MASK).toBe(ATTR.STRICTATIME);
  expect(attributes.clear).toBe(ATTR.ATIME_MASK);
  expect(parseMountOptions(["relatime"]).attributes).toMatchObject({
    set: 0n,
    clear: ATTR.ATIME_MASK,
  });
});

test("recursive forms are kept apart, what is unknown is the file system's", () => {
  const parsed = parseMountOptions([
    "rbind",
    "rro",
    "rnoexec",
    "rslave",
    "mode=755",
    "newinstance",
  ]);
  expect(parsed).toMatchObject({ bind: true, recursive: true, copyUp: false });
  expect(parsed.attributes.recursiveSet).toBe(ATTR.RDONLY | ATTR.NOEXEC);
  expect(parsed.attributes.propagation).toEqual([(1 << 19) | 16384]);
  expect(parsed.data).toEqual([["mode", "755"], ["newinstance"]]);
});

test("every known option is taken", () => {
  for (const option of knownMountOptions()) {
    const { data } = parseMountOptions([option]);
    // Id maps are read where the mount is compiled.
    expect(data).toEqual(/^r?idmap$/.test(option) ? [[option]] : []);
  }
});
