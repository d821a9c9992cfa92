import { expect, test } from "bun:test";
import { parseDockerfile, parseTrigger } from "./dockerfile.ts";

test("stages, globals, continuation lines", () => {
  const { globals, stages, escapeChar } = parseDockerfile(
    "# a comment\nARG V=1\nFROM --platform=linux/amd64 base:$V AS First\n" +
      "RUN a && \\\n  # between\n\n  b\nfrom scratch\n copy --from=first / /\n",
  );
  expect(escapeChar).toBe("\\");
  expect(globals.map(({ source }) => source)).toEqual(["ARG V=1"]);
  expect(stages[0]).toMatchObject({
    name: "first",
    image: "base:$V",
    platform: "linux/amd64",
    steps: [{ keyword: "RUN", rest: "a &&   b", source: "RUN a &&   b", line: 4 }],
  });
  expect(stages[1]).toMatchObject({
    name: "",
    image: "scratch",
    steps: [{ keyword: "COPY", rest: "--from=first / /" }],
  });
});

test("the escape directive", () => {
  const text = "# escape=`\nFROM scratch\nRUN a `\n b\nENV P=C:\\x\n";
  const { escapeChar, stages } = parseDockerfile(text);
  expect(escapeChar).toBe("`");
  expect(stages[0]?.steps.map(({ rest }) => rest)).toEqual(["a  b", "P=C:\\x"]);
});

test.each([
  ["", "file with no instructions"],
  ["# nothing\n", "file with no instructions"],
  ["RUN x\n", "no build stage in current context"],
  ["ARG a\n", "no build stage in current context"],
  ["FROM a\nFOO b\n", "dockerfile parse error line 2: unknown instruction: FOO"],
  ["FROM a b\n", "FROM requires either one or three arguments"],
  ["FROM a AS 9x\n", "invalid name for build stage"],
  ["FROM --x=y a\n", "unknown flag: --x"],
  ["FROM a\nRUN <<EOF\nb\nEOF\n", "here-documents require BuildKit"],
  [`FROM a\n${"RUN b\n".repeat(5001)}`, "more than 5000 instructions"],
])("dockerfile %# is refused: %#", (text, reason) => {
  expect(() => parseDockerfile(text)).toThrow(reason);
});

test("what may not be a trigger", () => {
  expect(parseTrigger("run a b")).toMatchObject({ keyword: "RUN", rest: "a b" });
  for (const text of ["ONBUILD RUN x", "FROM x", "FOO x"]) {
    expect(() => parseTrigger(text)).toThrow();
  }
});
