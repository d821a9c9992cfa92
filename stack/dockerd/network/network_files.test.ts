import { expect, test } from "bun:test";
import { hostsText, ownResolvText, parseExtraHost, resolvText } from "./network_files.ts";

const none = { servers: [], search: [], options: [] };

test("hosts: the usual names, added ones, the container's own", () => {
  const text = hostsText(
    undefined,
    ["db:10.0.0.5", "v6:[fd00::1]"],
    [{ address: "172.17.0.2", names: ["box.lan", "box"] }],
  );
  expect(text).toStartWith("127.0.0.1\tlocalhost\n");
  expect(text).toEndWith("10.0.0.5\tdb\nfd00::1\tv6\n172.17.0.2\tbox.lan box\n");
  expect(() => parseExtraHost("nonsense")).toThrow("bad format for add-host");
});

test("resolv.conf: the host's without its loopback, or what was asked for", () => {
  const host = "# x\nnameserver 127.0.0.53\nnameserver 10.1.1.1\nsearch a b\noptions edns0\n";
  expect(resolvText(host, none, false)).toBe("nameserver 10.1.1.1\nsearch a b\noptions edns0\n");
  expect(resolvText(host, none, true)).toContain("127.0.0.53");
  expect(resolvText("nameserver 127.0.0.1\n", none, false)).toContain("nameserver 8.8.8.8");
  expect(
    resolvText(host, { servers: ["1.1.1.1"], search: ["."], options: ["ndots:2"] }, false),
  ).toBe("nameserver 1.1.1.1\noptions ndots:2\n");
});

test("resolv.conf on a user-defined network names the container's own server", () => {
  const host = "nameserver 10.1.1.1\nsearch a b\n";
  expect(ownResolvText(host, none)).toBe("nameserver 127.0.0.11\nsearch a b\noptions ndots:0\n");
});
