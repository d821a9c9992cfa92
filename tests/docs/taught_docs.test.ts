import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TAUGHT_STEPS } from "#tools/cli/tour/chain_words.ts";
import { reasonToSkip } from "../lib/box_probe.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { ROOT } from "../tidy/source_files.ts";
import { readBlock } from "./document_block.ts";
import { storyMissing, watchGenuineExec } from "./genuine_exec_story.ts";
import { type OwnChain, watchOwnChain } from "./own_chain.ts";
import { drawWaterfallPicture } from "./waterfall_picture.ts";
import { CHAIN, drawStory, EXEC, wordBlocks } from "./write_chain.ts";

const LIMIT_MS = 240_000;
const RENEW = "npm run docs:chain";
const missing = reasonToSkip(["catena daemon"]);
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;

test("the tables and the drawing are those that the code has", () => {
  for (const { document, name, body } of wordBlocks()) {
    expect(`${name} ${readBlock(document, name)?.trim()} ${RENEW}`).toBe(
      `${name} ${body.trim()} ${RENEW}`,
    );
  }
});

/** What a recording must have in common with a new one: no times, ids, numbers or order. */
function structureOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split("\n")
        .map((line) =>
          line
            .replace(/\b(?=[0-9a-z]*\d)[0-9a-z]{8,}\b…?/g, "ID")
            .replace(/\S*\/\S*/g, "PATH")
            .replace(/\d[\d.:TZ-]*/g, "N")
            .replace(/\s+/g, " ")
            .trim(),
        )
        .filter((line) => line !== ""),
    ),
  ].sort();
}

/** Which of the steps that are taught a waterfall has. */
function stepsOf(waterfall: string): string[] {
  const lines = waterfall.split("\n").map((line) => line.replace(/\s+/g, " "));
  // The shorter ones of init are shown only when they took their time.
  const sure = TAUGHT_STEPS.filter(
    ({ link, begins }) => link !== "init" || !/^(bounding|find)/.test(begins),
  );
  return sure
    .filter(({ link, begins }) => lines.some((line) => line.startsWith(`${link} ${begins}`)))
    .map(({ link, begins }) => `${link} ${begins}`);
}

/** A counted cgroup v1 line stands in recordings of such hosts alone. */
const isV1 = (text: string) => text.includes(":pids:");

describe.skipIf(missing !== undefined)(`recordings of our chain${skipped}`, () => {
  const sandbox = new Sandbox();
  let own: OwnChain;
  afterAll(() => sandbox.close(), LIMIT_MS);

  test(
    "the exec of docs/exec.md has the steps that an exec has today",
    async () => {
      own = await watchOwnChain(sandbox);
      if (isV1(own.kernelView) === isV1(readBlock(CHAIN, "kernel")!)) {
        expect(stepsOf(readBlock(EXEC, "trace")!)).toEqual(stepsOf(own.waterfall));
      }
      expect(stepsOf(own.waterfall)).toContain("init execve");
      const picture = readFileSync(join(ROOT, "docs/pictures/exec.svg"), "utf8");
      const count = (svg: string, link: string) => svg.split(`>${link}</text>`).length > 1;
      const today = drawWaterfallPicture(own.trace, "today");
      for (const link of ["cli", "dockerd", "containerd", "shim", "runc", "init"]) {
        expect([link, count(picture, link)]).toEqual([link, count(today, link)]);
      }
    },
    LIMIT_MS,
  );

  test("its refusal names link, limit, cause and fix as it does today", () => {
    const parts = [/^OCI runtime exec failed: /m, /pids check .*EAGAIN/, /is full: 30 of 30/];
    for (const part of [...parts, /fix: raise the pids limit/, /catena explain \w+\)/]) {
      expect(readBlock(EXEC, "refusal")!).toMatch(part);
      expect(own.refusal).toMatch(part);
    }
    const heads = (text: string) => text.match(/^(\w+|\s+\w+ [\w.-]+( \w+)? \(\w+\)):?/gm);
    expect(heads(readBlock(EXEC, "explained")!.replace(/```\w*/g, ""))).toEqual(
      heads(own.explained),
    );
  });

  test("the processes and cgroups are of the kinds of today", () => {
    const links = (text: string) => text.match(/^(dockershim|shim|keeper|the program)[a-z, ]*/gm);
    expect(links(readBlock(CHAIN, "processes")!)).toEqual(links(own.processes));
    const heads = (text: string) => text.match(/^ *[a-z]+( [a-z]+)*(?=:| of process)/gm);
    expect(heads(readBlock(CHAIN, "kernel")!)).toEqual(heads(own.kernelView));
  });
});

const absent = storyMissing();

describe.skipIf(absent !== undefined)(
  `the recording of genuine runc${absent === undefined ? "" : ` (skipped: ${absent})`}`,
  () => {
    const sandbox = new Sandbox();
    afterAll(() => sandbox.close(), LIMIT_MS);

    test(
      "it fails as docs/exec.md tells: the move is granted, Go's thread is not, the socket is reset",
      async () => {
        const story = await watchGenuineExec(sandbox);
        const told = structureOf(drawStory(story)).map((line) => line.replace("N ms ", ""));
        const written = structureOf(readBlock(EXEC, "genuine")!.replace(/```\w*/g, ""));
        expect(written.map((line) => line.replace("N ms ", ""))).toEqual(told);
        expect(story.message).toContain("read init-p: connection reset by peer");
      },
      LIMIT_MS,
    );
  },
);
