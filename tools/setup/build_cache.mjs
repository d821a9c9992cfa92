// Leaves out the parts of a build whose inputs have not changed since they were built.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./prerequisites.mjs";

const STAMPS = ".cache/build";

/** Every file below a folder of the checkout that `accept` takes, sorted; none when absent. */
export function filesBelow(folder, accept) {
  const top = join(ROOT, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path, accept);
      return accept(path) ? [path] : [];
    });
}

/**
 * Builds one part unless its outputs are there and neither the content of `inputs` (paths) nor
 * `command` (anything that can be JSON) is other than it was when they were built.
 */
export function buildPart(name, { inputs, command, outputs }, work) {
  const hash = createHash("sha256").update(JSON.stringify(command));
  for (const path of inputs) hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)));
  const digest = hash.digest("hex");
  const stamp = join(ROOT, STAMPS, name);
  const built = existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
  if (built && outputs.every((path) => existsSync(join(ROOT, path)))) return;
  console.error(`build: ${name}`);
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}
