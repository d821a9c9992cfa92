import { expect, test } from "bun:test";
import type { Descriptor } from "./manifest.ts";
import { choosePlatform, hostPlatform, parsePlatform, platformText } from "./platform.ts";

const entry = (digest: string, text?: string): Descriptor => ({
  mediaType: "m",
  digest,
  size: 1,
  ...(text ? { platform: parsePlatform(text) } : {}),
});

test.each([
  ["linux/amd64", "linux/amd64"],
  ["x86_64", "linux/amd64"],
  ["linux/arm/v6", "linux/arm/v6"],
  ["armhf", "linux/arm/v7"],
  ["linux/aarch64", "linux/arm64"],
  ["linux", platformText(hostPlatform())],
])("%p means %p", (text, meant) => {
  expect(platformText(parsePlatform(text))).toBe(meant);
});

test.each(["", "linux//", "a/b/c/d", "li nux/amd64"])("%p is refused", (text) => {
  expect(() => parsePlatform(text)).toThrow("invalid platform");
});

test("the best variant that the processor runs is chosen", () => {
  const entries = [
    entry("v5", "linux/arm/v5"),
    entry("v7", "linux/arm/v7"),
    entry("v6", "linux/arm/v6"),
    entry("win", "windows/arm/v7"),
    entry("arm64", "linux/arm64/v8"),
    entry("amd", "linux/amd64"),
  ];
  const chosen = (text: string) => choosePlatform(entries, parsePlatform(text))?.digest;
  expect(chosen("linux/arm/v7")).toBe("v7");
  expect(chosen("linux/arm/v6")).toBe("v6");
  expect(chosen("linux/arm")).toBe("v7");
  expect(chosen("linux/arm64")).toBe("arm64");
  expect(chosen("linux/amd64/v3")).toBe("amd");
  expect(chosen("linux/s390x")).toBeUndefined();
});

test("an entry without a platform is better than none", () => {
  expect(choosePlatform([entry("any")], parsePlatform("linux/s390x"))?.digest).toBe("any");
});
