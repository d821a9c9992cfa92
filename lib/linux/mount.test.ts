import { expect, test } from "bun:test";
import { closeSync, readSync, writeSync } from "node:fs";
import { MFD, memfdCreate, receiveWithFds, SOCK, sendWithFds, socketpair } from "./descriptor.ts";
import { fileSystemType, mount } from "./mount.ts";

const PROC_SUPER_MAGIC = 0x9fa0;

test("statfs tells procfs by its magic number", () => {
  expect(fileSystemType("/proc")).toBe(PROC_SUPER_MAGIC);
});

test("a refused mount throws with errno, syscall and path", () => {
  try {
    mount("none", "/no/such/target", "tmpfs", 0);
    throw new Error("mount succeeded");
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOENT", syscall: "mount", path: "/no/such/target" });
  }
});

test("a descriptor crosses a socket pair and stays usable", () => {
  const [left, right] = socketpair(SOCK.STREAM);
  const memory = memfdCreate("test", MFD.CLOEXEC);
  writeSync(memory, "hello");
  sendWithFds(left, Buffer.from("x"), [memory]);
  const got = receiveWithFds(right, Buffer.alloc(8));
  expect(got.bytes).toBe(1);
  const text = Buffer.alloc(5);
  readSync(got.fds[0]!, text, 0, 5, 0);
  expect(text.toString()).toBe("hello");
  for (const fd of [left, right, memory, ...got.fds]) closeSync(fd);
});
