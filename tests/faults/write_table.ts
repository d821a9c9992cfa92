import { isGood } from "./examine_row.ts";
import type { StackKind } from "./fault_stack.ts";

/** What the doctor made of one row on one stack. */
export interface RowResult {
  id: string;
  link: string;
  injection: string;
  stack: StackKind;
  /** "ok", or what it named instead. */
  found: string;
  lookAlike: string;
  /** The cause id that our own errors carried at the moment of failure, or why there is none. */
  own: string;
  evidence: string;
  milliseconds: number;
}

const HEAD = `# The fault laboratory

\`npm run faults\` injects each fault on a private stack, runs \`catena doctor --json\` on the
container, and compares the cause and the link that it names with the catalogue's; then it does the
same with a healthy look-alike, where no cause may be named. This table is its last run. *Genuine*
is Debian's Docker, containerd and runc; *catena* is ours. *Own errors* is the cause id that our
stack's errors carried by themselves when the fault struck an exec or a start: in the text that
docker's CLI printed, in that of \`catena exec\`, and in the frames that are kept for
\`catena explain\`, or else why no request to our stack fails by it. Rows that are not here are not
injected.

`;

/** The laboratory's result as a document. */
export function writeTable(results: RowResult[]): string {
  const lines = [
    "| cause | link | injected by | stack | named | look-alike | own errors | first evidence |",
  ];
  lines.push("|---|---|---|---|---|---|---|---|");
  for (const row of results) {
    const cells = [
      `\`${row.id}\``,
      row.link,
      row.injection,
      row.stack,
      row.found,
      row.lookAlike,
      row.own,
      row.evidence,
    ];
    lines.push(`| ${cells.map(cell).join(" | ")} |`);
  }
  const good = results.filter(isGood).length;
  return `${HEAD}${lines.join("\n")}\n\n${good} of ${results.length} rows are as they should be.\n`;
}

/** Ids of containers and process numbers of one run mean nothing to a reader. */
function cell(text: string): string {
  return text
    .replace(/[0-9a-f]{64}/g, "ID")
    .replace(/\S*catest-\w+\/?/g, "…/")
    .replace(/\|/g, "\\|")
    .replace(/\s+/g, " ")
    .slice(0, 120);
}
