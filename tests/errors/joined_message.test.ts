import { expect, test } from "bun:test";
import { ChainError } from "#lib/errors/chain_error.ts";
import { neutralWords } from "#lib/errors/parent_phrases.ts";
import { forSeeds } from "../lib/random.ts";
import { PARENTS_PHRASES, randomError, randomText } from "./random_error.ts";

const COUNT = 2_000;

function phrasesIn(text: string): string[] {
  return PARENTS_PHRASES.filter((phrase) => text.toLowerCase().includes(phrase));
}

test("what we add to a message never holds a phrase that a genuine parent matches", () =>
  forSeeds(COUNT, (random) => {
    const added = neutralWords(randomText(random));
    expect(phrasesIn(added)).toEqual([]);
    expect(added).not.toMatch(/[\r\n]/);
  }));

test("a phrase is not put together by the rewriting of another", () =>
  forSeeds(COUNT, (random) => {
    const torn = random
      .pick(PARENTS_PHRASES)
      .split(" ")
      .join(random.pick(["\n", " ", "\r\n "]));
    expect(phrasesIn(neutralWords(`${torn} ${randomText(random)}`))).toEqual([]);
  }));

test("a joined message is one line: the frames' own words, what we add, and the id", () =>
  forSeeds(COUNT, (random) => {
    const error = randomError(random);
    expect(error.message).not.toMatch(/[\r\n]/);
    expect(error.message.startsWith(error.words)).toBe(true);
    expect(error.message.endsWith(`(catena explain ${error.id})`)).toBe(true);
    expect(phrasesIn(error.message.slice(error.words.length))).toEqual([]);
  }));

test("a link's frame is added outside and changes nothing below", () =>
  forSeeds(COUNT, (random) => {
    const error = randomError(random);
    const below = structuredClone(error.frames);
    const frame = { layer: "dockerd", op: "exec", code: "unknown", message: "outer" } as const;
    const wrapped = error.wrap(frame);
    expect(wrapped).toBeInstanceOf(ChainError);
    expect(wrapped.id).toBe(error.id);
    expect(wrapped.frames.slice(1)).toEqual([...below]);
    expect(wrapped.cleanup).toBe(error.cleanup);
    expect(wrapped.root).toEqual(error.root);
  }));
