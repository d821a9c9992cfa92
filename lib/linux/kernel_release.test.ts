import { expect, test } from "bun:test";
import { isOlderKernel, kernelGaps } from "./kernel_release.ts";

test("releases are compared by their numbers", () => {
  expect(isOlderKernel("5.10.0-28-amd64")).toBe(true);
  expect(isOlderKernel("4.18.0-513.el8.x86_64")).toBe(true);
  expect(isOlderKernel("5.12.0")).toBe(false);
  expect(isOlderKernel("6.1.0-56-cloud-amd64")).toBe(false);
  expect(isOlderKernel("unheard of")).toBe(false);
});

const since = (release: string) => kernelGaps(release).map((gap) => gap.since);
const isEnough = (release: string) => !kernelGaps(release).some((gap) => gap.needed);

test.each([
  ["5.4.0-150-generic", ["5.7", "5.12", "5.14", "5.19"], false],
  ["5.10.0-28-amd64", ["5.12", "5.14", "5.19"], false],
  ["5.12.19", ["5.14", "5.19"], true],
  ["5.15.0-1034-azure", ["5.19"], true],
  ["5.19.0", [], true],
  ["6.18.1-custom", [], true],
  ["no release", [], true],
])("%s lacks what came later", (release, gaps, enough) => {
  expect([since(release), isEnough(release)]).toEqual([gaps, enough]);
});
