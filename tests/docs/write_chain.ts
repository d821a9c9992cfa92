import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawTaughtChain, TAUGHT_STEPS } from "#tools/cli/tour/chain_words.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { ROOT } from "../tidy/source_files.ts";
import { asCode, asTable, withoutRun, writeBlock } from "./document_block.ts";
import { type GenuineStory, storyMissing, watchGenuineExec } from "./genuine_exec_story.ts";
import { type OwnChain, watchOwnChain } from "./own_chain.ts";
import { drawWaterfallPicture } from "./waterfall_picture.ts";

export const CHAIN = "docs/the-chain.md";
export const EXEC = "docs/exec.md";
const PICTURE = "docs/pictures/exec.svg";
const MIN_TIME_WIDTH = 9;

/** The blocks that follow from the code alone, by their names. */
export function wordBlocks(): { document: string; name: string; body: string }[] {
  const steps = [
    ["link", "step", "what it is for"],
    ...TAUGHT_STEPS.map(({ link, begins, why }) => [link, `\`${begins}\``, why]),
  ];
  return [
    { document: CHAIN, name: "links", body: asCode(drawTaughtChain()) },
    { document: EXEC, name: "steps", body: asTable(steps) },
  ];
}

function writeOwn(own: OwnChain, folder: string): void {
  const seen = (text: string) => asCode(withoutRun(text, folder));
  writeBlock(CHAIN, "processes", seen(own.processes));
  writeBlock(CHAIN, "kernel", seen(own.kernelView));
  writeBlock(EXEC, "trace", seen(own.waterfall));
  writeBlock(EXEC, "refusal", seen(own.refusal));
  writeBlock(EXEC, "explained", seen(own.explained));
  mkdirSync(join(ROOT, PICTURE, ".."), { recursive: true });
  const title = "catena exec calm sh -c 'echo hello': where its time went";
  writeFileSync(join(ROOT, PICTURE), drawWaterfallPicture(own.trace, title));
}

/** The story as lines of a document. */
export function drawStory({ steps, message }: GenuineStory): string {
  const lines = steps.map(
    ({ atMs, who, what }) =>
      `${`${atMs.toFixed(1)} ms`.padStart(MIN_TIME_WIDTH + 2)}  ${who.padEnd(16)}  ${what}`,
  );
  return `${lines.join("\n")}\n\nand runc says: ${message}`;
}

/** `npm run docs:chain`: docs/the-chain.md and docs/exec.md as they are on this machine now. */
async function main(): Promise<void> {
  const sandbox = new Sandbox();
  try {
    for (const { document, name, body } of wordBlocks()) writeBlock(document, name, body);
    writeOwn(await watchOwnChain(sandbox), sandbox.folder);
    const missing = storyMissing();
    if (missing !== undefined) console.error(`the genuine exec is left as it is: ${missing}`);
    else writeBlock(EXEC, "genuine", asCode(drawStory(await watchGenuineExec(sandbox))));
  } finally {
    await sandbox.close();
  }
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
