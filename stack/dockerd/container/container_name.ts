import { randomInt } from "node:crypto";

const QUALITIES = (
  "amber ancient bold brave brisk bright calm candid clear clever crisp daring deft eager early " +
  "earnest fair fleet fond frank gentle glad golden grand hardy honest humble jolly keen kind " +
  "lively lucid lunar merry mild modest noble nimble patient placid plain proud quick " +
  "quiet rapid " +
  "ready robust rosy serene sharp silent simple sleek smart solar sound spry steady stout sturdy " +
  "subtle sunny swift tidy tranquil true upbeat valiant vivid warm wise witty zesty"
).split(" ");

const NOUNS = (
  "acorn anchor anvil arbor aspen atlas badger banyan basin beacon birch brook canyon " +
  "cedar comet " +
  "compass coral crane delta ember falcon fern fjord garnet geyser glacier grove harbor hazel " +
  "heron hollow iris island jasper kestrel lagoon lantern larch lark linden lotus maple marten " +
  "meadow mesa mill monsoon oak orchid osprey otter pebble pine plover prairie quartz " +
  "quill raven " +
  "reef ridge river robin saddle sage sierra sparrow spruce summit tern thistle tundra valley " +
  "willow wren yarrow zephyr"
).split(" ");

const pick = (words: string[]) => words[randomInt(words.length)]!;

/** A name for a container that was given none. Later attempts get a number. */
export function randomName(attempt: number): string {
  const name = `${pick(QUALITIES)}_${pick(NOUNS)}`;
  return attempt === 0 ? name : `${name}${randomInt(10 * attempt)}`;
}
