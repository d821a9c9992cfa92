import { expect, test } from "bun:test";
import { isOlderKernel } from "./kernel_version.ts";

test("releases are compared by their numbers", () => {
  expect(isOlderKernel("5.10.0-28-amd64")).toBe(true);
  expect(isOlderKernel("4.18.0-513.el8.x86_64")).toBe(true);
  expect(isOlderKernel("5.12.0")).toBe(false);
  expect(isOlderKernel("6.1.0-56-cloud-amd64")).toBe(false);
  expect(isOlderKernel("unheard of")).toBe(false);
});
