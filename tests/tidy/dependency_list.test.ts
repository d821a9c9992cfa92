import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./source_files.ts";

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
}

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

test("every dependency is pinned to one version, and its reason is written down", () => {
  const manifest = JSON.parse(read("package.json")) as Manifest;
  const rows = read("docs/dependencies.md").split("\n");
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  const missing = wanted.filter(
    ([name, version]) => !rows.some((row) => row.includes(`\`${name}\``) && row.includes(version)),
  );
  expect(missing).toEqual([]);
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test("every Debian package that the set-up installs has its reason", () => {
  const setup = read("tools/setup/prerequisites.mjs");
  const documents = read("docs/dependencies.md");
  const names = [...setup.matchAll(/\["\/[^"]+", "([a-z0-9.-]+)"\]/g)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !documents.includes(`\`${name}\``))).toEqual([]);
});
