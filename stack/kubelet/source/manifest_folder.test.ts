import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManifestFolder } from "./manifest_folder.ts";
import type { WantedPods } from "./pod_source.ts";

const root = mkdtempSync(join(tmpdir(), "manifests-"));
const folder = join(root, "watched");
mkdirSync(folder);
const source = new ManifestFolder(folder, "node");
const told: WantedPods[] = [];

afterAll(() => {
  source.close();
  rmSync(root, { recursive: true });
});

const manifest = (name: string, image = "i:1") =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\n` +
  `spec: {containers: [{name: c, image: "${image}"}]}\n`;

/** As an editor does: a new file takes the place of the old one. */
function write(name: string, text: string): void {
  writeFileSync(join(root, name), text);
  renameSync(join(root, name), join(folder, name));
}

async function next(change: () => void): Promise<WantedPods> {
  const before = told.length;
  change();
  for (let i = 0; i < 100 && told.length === before; i++) await Bun.sleep(20);
  expect(told.length).toBeGreaterThan(before);
  return told.at(-1)!;
}

const names = ({ pods }: WantedPods) => pods.map(({ name }) => name);
const errors = ({ entries }: WantedPods) =>
  entries.flatMap((one) => one.errors.map(({ path, message }) => `${path}: ${message}`));

test("files come, change, break and go", async () => {
  write("a.yaml", manifest("a"));
  write(".hidden.yaml", manifest("hidden"));
  await source.start((wanted) => told.push(wanted));
  expect(names(told[0]!)).toEqual(["a-node"]);
  const two = await next(() => write("b.yaml", manifest("b")));
  expect(names(two)).toEqual(["a-node", "b-node"]);
  const changed = await next(() => write("b.yaml", manifest("b", "i:2")));
  expect(changed.pods[1]!.uid).not.toBe(two.pods[1]!.uid);
  const broken = await next(() => write("b.yaml", "kind: [Pod"));
  expect(names(broken)).toEqual(["a-node", "b-node"]);
  expect(broken.pods[1]!.uid).toBe(changed.pods[1]!.uid);
  expect(errors(broken)).toHaveLength(1);
  const twice = await next(() => write("c.yaml", manifest("a")));
  expect(names(twice)).toEqual(["a-node", "b-node"]);
  expect(errors(twice).join()).toContain('metadata.name: Duplicate value: "a-node"');
  const gone = await next(() => rmSync(join(folder, "b.yaml")));
  expect(names(gone)).toEqual(["a-node"]);
});

test("a folder that is not there is told", async () => {
  const nowhere = new ManifestFolder(join(root, "none"), "node");
  await expect(nowhere.start(() => {})).rejects.toThrow(/manifest folder .*none/);
});
