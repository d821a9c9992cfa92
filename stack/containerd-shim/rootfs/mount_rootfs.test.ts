import { expect, test } from "bun:test";
import { MS } from "#lib/linux/mount.ts";
import { parseMountOptions } from "./mount_rootfs.ts";

test("options become flags, propagation and data", () => {
  expect(parseMountOptions(["ro", "nosuid", "rbind", "rprivate"])).toEqual({
    flags: MS.RDONLY | MS.NOSUID | MS.BIND | MS.REC,
    propagation: MS.PRIVATE | MS.REC,
    data: "",
  });
  expect(parseMountOptions(["ro", "rw", "index=off", "lowerdir=/a:/b"])).toEqual({
    flags: 0,
    propagation: 0,
    data: "index=off,lowerdir=/a:/b",
  });
});
