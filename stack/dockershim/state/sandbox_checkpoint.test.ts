import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointStore, type SandboxCheckpoint } from "./sandbox_checkpoint.ts";

const root = mkdtempSync(join(tmpdir(), "checkpoint-"));
afterAll(() => rmSync(root, { recursive: true }));

const id = "0123456789abcdef";
const checkpoint: SandboxCheckpoint = {
  version: 1,
  name: "web",
  namespace: "default",
  uid: "u1",
  hostNetwork: false,
  runtimeHandler: "",
};

test("a checkpoint outlives its store, and leaves nothing half-written", () => {
  new CheckpointStore(root).write(id, checkpoint);
  expect(readdirSync(join(root, "sandboxes"))).toEqual([`${id}.json`]);
  const next = new CheckpointStore(root);
  expect(next.read(id)).toEqual(checkpoint);
  expect(next.ids()).toEqual([id]);
  next.remove(id);
  expect(next.read(id)).toBeUndefined();
});

test("what cannot be read, or is of another age, is none", () => {
  const store = new CheckpointStore(root);
  writeFileSync(join(root, "sandboxes", `${id}.json`), '{"version":2}');
  expect(store.read(id)).toBeUndefined();
  writeFileSync(join(root, "sandboxes", `${id}.json`), '{"vers');
  expect(store.read(id)).toBeUndefined();
});

test("an id is never a path", () => {
  const store = new CheckpointStore(root);
  expect(() => store.write("../../etc/passwd", checkpoint)).toThrow("sandbox id");
});
