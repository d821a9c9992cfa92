import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
  for (let i = 0; i < 3000 && told.length === before; i++) await Bun.sleep(20);
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

test("what is no manifest is told by its name, and the pods beside it stay", async () => {
  const says = async (name: string, make: (path: string) => void, words: string) => {
    const path = join(folder, name);
    const wanted = await next(() => make(path));
    expect(names(wanted)).toEqual(["a-node"]);
    const entry = wanted.entries.find(({ origin }) => origin === path);
    expect(entry?.errors.map(({ message }) => message).join()).toContain(words);
    await next(() => rmSync(path));
  };
  const nobody = "no such file or directory";
  await says("big.yaml", () => write("big.yaml", `#${"x".repeat(2 ** 21)}`), "larger than 1572864");
  await says("bin.yaml", () => writeFileSync(join(folder, "bin.yaml"), "\x7fELF\0\0"), "NUL byte");
  const latin = Buffer.from([0x6b, 0x3a, 0x20, 0xe9, 0x0a]);
  await says("latin.yaml", (path) => writeFileSync(path, latin), "no UTF-8 text");
  await says("dangling.yaml", (path) => symlinkSync("/no/such/file", path), nobody);
  await says("loop.yaml", (path) => symlinkSync(path, path), "symbolic link");
  await says("zero.yaml", (path) => symlinkSync("/dev/zero", path), "not a regular file");
  await says("fifo.yaml", (path) => Bun.spawnSync(["mkfifo", path]), "not a regular file");
  await says("empty.yaml", () => write("empty.yaml", "# nothing yet\n"), "holds no pod");
  const many = Array.from({ length: 300 }, () => "---\nkind: 5\n").join("");
  await says("many.yaml", () => write("many.yaml", many), "more than 256 documents");
});

test("a link is read where it leads, and a text gone for a moment ends no pod", async () => {
  writeFileSync(join(root, "far.yaml"), `${manifest("x")}---\n${manifest("z")}`);
  const linked = await next(() => symlinkSync(join(root, "far.yaml"), join(folder, "far.yaml")));
  expect(names(linked)).toEqual(["a-node", "x-node", "z-node"]);
  const emptied = await next(() => {
    rmSync(join(folder, "far.yaml"));
    writeFileSync(join(folder, "far.yaml"), "");
  });
  expect(names(emptied)).toEqual(["a-node", "x-node", "z-node"]);
  const folderNow = await next(() => {
    rmSync(join(folder, "far.yaml"));
    mkdirSync(join(folder, "far.yaml"));
  });
  expect(names(folderNow)).toEqual(["a-node"]);
});

test("of two pods with one uid the second is refused", async () => {
  const withUid = (name: string) => manifest(name).replace("}", ", uid: same-1}");
  const one = await next(() => write("u1.yaml", withUid("one")));
  expect(names(one)).toEqual(["a-node", "one-node"]);
  const two = await next(() => write("u2.yaml", withUid("two")));
  expect(names(two)).toEqual(["a-node", "one-node"]);
  expect(errors(two).join()).toContain('metadata.uid: Duplicate value: "same-1"');
});

test("a folder that is not there is told", async () => {
  const nowhere = new ManifestFolder(join(root, "none"), "node");
  await expect(nowhere.start(() => {})).rejects.toThrow(/manifest folder .*none/);
});
