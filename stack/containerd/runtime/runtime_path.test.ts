import { expect, test } from "bun:test";
import { runtimePath, shimName } from "./runtime_path.ts";
import { parseAddress } from "./shim_command.ts";

test("a runtime's name becomes its shim's", () => {
  expect(shimName("io.containerd.runc.v2")).toBe("containerd-shim-runc-v2");
  expect(shimName("io.containerd.catena.v2")).toBe("containerd-shim-catena-v2");
  expect(shimName("runc")).toBeUndefined();
  expect(shimName("a.../../x.v1")).toBeUndefined();
});

test("an absolute path is taken as it is, a missing one refused", () => {
  expect(runtimePath("/bin/sh")).toBe("/bin/sh");
  expect(() => runtimePath("/no/such/shim")).toThrow("invalid custom binary path");
  expect(() => runtimePath("io.containerd.nosuch.v9")).toThrow("containerd-shim-nosuch-v9");
  expect(() => runtimePath("")).toThrow("no runtime name");
});

test("what start prints is an address or a bootstrap document", () => {
  expect(parseAddress("unix:///run/s/1", "shim")).toEqual({ path: "/run/s/1", version: 2 });
  const document = '{"version":3,"address":"unix:///run/s/1","protocol":"ttrpc"}';
  expect(parseAddress(document, "shim")).toEqual({ path: "/run/s/1", version: 3 });
  for (const text of ["", "panic: x", '{"version":9,"address":"unix:///x"}', "unix://rel"]) {
    expect(() => parseAddress(text, "shim")).toThrow("printed no address");
  }
  expect(() => parseAddress('{"address":"unix:///x","protocol":"grpc"}', "s")).toThrow("grpc");
});
