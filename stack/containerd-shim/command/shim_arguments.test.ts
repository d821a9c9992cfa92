import { expect, test } from "bun:test";
import { shimSocketPath } from "./shim_address.ts";
import { parseArguments } from "./shim_arguments.ts";
import { bootstrap } from "./start_command.ts";

test("reads what containerd sends", () => {
  const sent = "-namespace k8s.io -address /run/c.sock -publish-binary /usr/bin/containerd -id x";
  expect(parseArguments([...sent.split(" "), "-debug", "start"])).toMatchObject({
    namespace: "k8s.io",
    address: "/run/c.sock",
    publishBinary: "/usr/bin/containerd",
    id: "x",
    debug: true,
    action: "start",
  });
  expect(parseArguments(["--bundle=/b", "delete"])).toMatchObject({
    bundle: "/b",
    action: "delete",
  });
});

test("refuses flags that nobody sends, in Go's words", () => {
  expect(() => parseArguments(["-nonsense"])).toThrow("flag provided but not defined: -nonsense");
  expect(() => parseArguments(["-id"])).toThrow("flag needs an argument: -id");
});

test("one shim for a namespace, a pod or a container", () => {
  const pathIn = (folder: number, id: string, notes: Record<string, string>, wish?: string) =>
    shimSocketPath("/c.sock", "ns", folder, id, notes, wish ? { CATENA_SHIM_GROUPING: wish } : {});
  const path = (id: string, annotations: Record<string, string>, wish?: string) =>
    pathIn(7, id, annotations, wish);
  const pod = { "io.kubernetes.cri.sandbox-id": "pod1" };
  expect(path("a", {})).toBe(path("b", {}));
  expect(path("a", {})).not.toBe(pathIn(8, "a", {}));
  expect(path("a", {}, "container")).not.toBe(path("b", {}, "container"));
  expect(path("a", pod, "pod")).toBe(path("b", pod, "pod"));
  expect(path("a", {}, "pod")).not.toBe(path("b", {}, "pod"));
  expect(path("a", { "io.catena.shim.grouping": "container" })).not.toBe(path("b", {}));
  expect(path("a", {})).toMatch(/^\/run\/containerd\/s\/[0-9a-f]{64}$/);
});

test("containerd 2.x gets JSON, older ones the bare address", () => {
  expect(bootstrap("unix:///s", undefined)).toBe("unix:///s");
  expect(bootstrap("unix:///s", "2")).toBe("unix:///s");
  const json = JSON.parse(bootstrap("unix:///s", "3"));
  expect(json).toEqual({ version: 3, address: "unix:///s", protocol: "ttrpc" });
});
