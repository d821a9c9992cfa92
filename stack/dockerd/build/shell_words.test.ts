// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a shell hold them.
import { expect, test } from "bun:test";
import { expandWord, expandWords, variablesOf } from "./shell_words.ts";

const known = variablesOf(["A=1", "EMPTY=", "TWO=a b", "A=2"]);

test.each([
  ["$A", "1"],
  ["${A}x", "1x"],
  ["$Ax", ""],
  ["\\$A", "$A"],
  ["'$A'", "$A"],
  ['"$A \\" \\n"', '1 " \\n'],
  ["${NONE:-d$A}", "d1"],
  ["${EMPTY:-d}", "d"],
  ["${A:+set}", "set"],
  ["${NONE:+set}", ""],
  ["${NONE:-${A:-x}}", "1"],
  ["a$", "a$"],
  ["$$", "$$"],
  ["x'y'\"z\"", "xyz"],
])("%p is %p", (text, meant) => {
  expect(expandWord(text, known, "\\")).toBe(meant);
});

test.each([
  ["'open", "single-quote"],
  ['"open', "double-quote"],
  ["${A", "missing ':' in substitution"],
  ["${A:-x", "missing '}'"],
  ["${A:=x}", "unsupported modifier"],
  ["${NONE:?is needed}", "NONE: is needed"],
  ["${}", "bad substitution"],
])("%p is refused: %s", (text, reason) => {
  expect(() => expandWord(text, known, "\\")).toThrow(reason);
});

test("substitutions in substitutions have a limit", () => {
  const deep = ["${N:-".repeat(60), "x", "}".repeat(60)].join("");
  expect(expandWord(deep, known, "\\")).toBe("x");
  expect(() => expandWord("${N:-".repeat(40_000), known, "\\")).toThrow("nested too deep");
});

test("only unquoted spaces make words", () => {
  expect(expandWords('$TWO "$TWO" c', known, "\\")).toEqual(["a", "b", "a b", "c"]);
});

test("another escape character leaves the backslash alone", () => {
  expect(expandWord("`$A\\$A", known, "`")).toBe("$A\\1");
});

test("a word that grows without end is refused", () => {
  const big = variablesOf([`B=${"x".repeat(100_000)}`]);
  expect(() => expandWord("$B".repeat(20), big, "\\")).toThrow("too long");
});
