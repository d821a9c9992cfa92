import { expect, test } from "bun:test";
import { CAPABILITY_NAMES, capabilitiesOfMask, resolveCapabilities } from "./capabilities.ts";

test("there are 41 capabilities and a mask names them by number", () => {
  expect(CAPABILITY_NAMES).toHaveLength(41);
  expect(capabilitiesOfMask("0000000000200001")).toEqual(["CAP_CHOWN", "CAP_SYS_ADMIN"]);
});

test("defaults, added, dropped, all", () => {
  const all = CAPABILITY_NAMES;
  expect(resolveCapabilities([], [], false, all)).toHaveLength(14);
  expect(resolveCapabilities(["sys_admin"], ["CAP_CHOWN"], false, all)).toContain("CAP_SYS_ADMIN");
  expect(resolveCapabilities([], ["ALL"], false, all)).toEqual([]);
  expect(resolveCapabilities(["KILL"], ["all"], false, all)).toEqual(["CAP_KILL"]);
  expect(resolveCapabilities(["ALL"], ["SYS_ADMIN"], false, all)).toHaveLength(40);
  expect(resolveCapabilities([], [], true, all)).toHaveLength(41);
});

test("what the host lacks is left out, or refused when asked for", () => {
  const host = CAPABILITY_NAMES.filter((name) => name !== "CAP_SYS_RESOURCE");
  expect(resolveCapabilities([], [], true, host)).toHaveLength(40);
  expect(() => resolveCapabilities(["SYS_RESOURCE"], [], false, host)).toThrow("daemon itself");
  expect(() => resolveCapabilities(["FLY"], [], false, host)).toThrow('invalid capability: "FLY"');
});
