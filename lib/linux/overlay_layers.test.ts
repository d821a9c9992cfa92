import { expect, test } from "bun:test";
import { compactLayers } from "./overlay_layers.ts";

test("a long list of layers is named from their common folder", () => {
  const layers = Array.from({ length: 100 }, (_, i) => `/var/lib/snapshots/${i}/${"f".repeat(40)}`);
  const data = `workdir=/w,upperdir=/u,lowerdir=${layers.join(":")}`;
  const { folder, options } = compactLayers(data.replaceAll("f", "fs"));
  expect(folder).toBe("/var/lib/snapshots");
  expect(options.startsWith("workdir=/w,upperdir=/u,lowerdir=0/fsfs")).toBe(true);
  expect(compactLayers("lowerdir=/a:/b")).toEqual({ folder: undefined, options: "lowerdir=/a:/b" });
});

test("layers without a common folder stay as they are", () => {
  const layers = Array.from({ length: 300 }, (_, i) => `/${i}/${"x".repeat(20)}`);
  const data = `lowerdir=${layers.join(":")}`;
  expect(compactLayers(data)).toEqual({ folder: undefined, options: data });
});
