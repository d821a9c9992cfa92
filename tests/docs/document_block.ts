import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../tidy/source_files.ts";

/** Names of folders, ids and processes of one run mean nothing to a reader. */
export function withoutRun(text: string, folder: string): string {
  return (
    text
      .replaceAll(folder, "/tmp/chain")
      // Cut off by the width of a column.
      .replace(/\/tmp\/catest-\w*…/g, "/tmp/chain…")
      .replaceAll(`${ROOT}/`, "")
      .replace(/\b[0-9a-f]{64}\b/g, (id) => `${id.slice(0, 12)}…`)
      .replace(/[ \t]+$/gm, "")
  );
}

/** The text of a document's block, or undefined when it has none of this name. */
export function readBlock(document: string, name: string): string | undefined {
  const text = readFileSync(join(ROOT, document), "utf8");
  return blockPattern(name).exec(text)?.[2];
}

/**
 * Replaces a block of a document: what stands between `<!-- NAME: … -->` and `<!-- end NAME -->`.
 * Throws when the document has no such block.
 */
export function writeBlock(document: string, name: string, body: string): void {
  const path = join(ROOT, document);
  const text = readFileSync(path, "utf8");
  if (!blockPattern(name).test(text)) throw new Error(`${document} has no block ${name}`);
  writeFileSync(
    path,
    text.replace(blockPattern(name), (_, begin: string, __, end: string) => {
      return `${begin}\n${body.trimEnd()}\n${end}`;
    }),
  );
}

/** Text as a block of code. */
export function asCode(text: string): string {
  return `\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}

/** Rows as a table, the first one its heads. */
export function asTable(rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const [heads, ...rest] = rows;
  const rule = `|${heads!.map(() => "---|").join("")}`;
  return `\n${[line(heads!), rule, ...rest.map(line)].join("\n")}\n`;
}

function blockPattern(name: string): RegExp {
  return new RegExp(`(<!-- ${name}: [^\\n]*-->)\\n(.*?)\\n?(<!-- end ${name} -->)`, "s");
}
