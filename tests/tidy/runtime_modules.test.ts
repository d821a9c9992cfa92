import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

// docs/adr/0011: a module of Node's costs a runtime command 1 to 2 ms of some 15. The bundle of
// `catena-runc` puts what is required late into its caller's chunk, where an import at the head of
// it is loaded by every command; only the clock would tell.

const TOP = join(import.meta.dir, "../..");
const LINK = "tools/cli/links/runc.ts";
/** Speaks over D-Bus by a package that needs them; loaded with the systemd driver alone. */
const APART = "stack/runc/cgroups/systemd_unit.ts";

/** Node's modules that files of the link import at their heads, each as "file: module". */
function importsOfNode(): { files: number; found: string[] } {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const seen = new Set<string>([APART]);
  const found: string[] = [];
  const waiting = [LINK];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file) || !file.endsWith(".ts")) continue;
    seen.add(file);
    for (const { path, kind } of transpiler.scanImports(readFileSync(join(TOP, file), "utf8"))) {
      if (path.startsWith("#")) waiting.push(path.slice(1));
      else if (path.startsWith(".")) waiting.push(join(dirname(file), path));
      else if (kind === "import-statement") found.push(`${file}: ${path}`);
    }
  }
  return { files: seen.size, found };
}

test("no runtime command loads a module of Node's before it needs one", () => {
  const { files, found } = importsOfNode();
  expect(found).toEqual([]);
  expect(files).toBeGreaterThan(100);
});
