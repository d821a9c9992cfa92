import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeState } from "#wire/oci-runtime/runtime.ts";
import { ownerInRuntime } from "./runtime_owner.ts";

const knows = (bundle: string) => ({ state: async () => ({ bundle }) as RuntimeState });

test("a container is told apart by its bundle, through links", async () => {
  const folder = mkdtempSync(join(tmpdir(), "owner-"));
  try {
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const owner = (bundle: string) =>
      ownerInRuntime(knows(join(folder, "real")), "a", join(folder, bundle));
    expect(await owner("real")).toBe("bundle");
    expect(await owner("link")).toBe("bundle");
    expect(await owner("gone")).toBe("other");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what the runtime does not know is nobody's", async () => {
  const state = () => Promise.reject(new Error("container does not exist"));
  expect(await ownerInRuntime({ state }, "a", "/b")).toBe("nobody");
});
