import { expect, test } from "bun:test";
import { parseBind, wantedMounts } from "./mount_request.ts";

test("binds: host paths, volumes, modes", () => {
  expect(parseBind("/a/../b/:/c/:ro,rshared")).toMatchObject({
    type: "bind",
    source: "/b",
    destination: "/c",
    readonly: true,
    propagation: "rshared",
  });
  expect(parseBind("data:/d")).toMatchObject({ type: "volume", source: "data", copyUp: true });
  expect(parseBind("data:/d:nocopy").copyUp).toBe(false);
  expect(parseBind("/d")).toMatchObject({ type: "volume", source: "" });
});

test("what is wrong is refused in dockerd's words", () => {
  for (const [text, words] of [
    ["a:b:c:d", "invalid volume specification: 'a:b:c:d'"],
    ["/a:relative", "mount path must be absolute"],
    ["/a:/", "destination can't be '/'"],
    ["/a:/b:what", "invalid mode: what"],
    ["../x:/b", "includes invalid characters for a local volume name"],
    ["v:/b:shared", "invalid mode: shared"],
  ] as const) {
    expect(() => parseBind(text)).toThrow(words);
  }
  expect(() => wantedMounts({ Binds: ["/a:/x", "/b:/x"] }, [], [])).toThrow(
    "Duplicate mount point: /x",
  );
  const mount = (m: object) => wantedMounts({ Mounts: [m] }, [], []);
  expect(() => mount({ Type: "bind", Target: "/x" })).toThrow("field Source must not be empty");
  expect(() => mount({ Type: "disk", Target: "/x" })).toThrow('type "disk": mount type unknown');
  expect(() => mount({ Type: "volume", Source: "v" })).toThrow("field Target must not be empty");
});

test("the image's volumes give way to the client's mounts", () => {
  const all = wantedMounts(
    { Binds: ["/a:/data"], Tmpfs: { "/t": "size=1m" } },
    ["/data", "/v"],
    [],
  );
  expect(all.map((m) => `${m.type} ${m.destination}`)).toEqual([
    "bind /data",
    "tmpfs /t",
    "volume /v",
  ]);
});
