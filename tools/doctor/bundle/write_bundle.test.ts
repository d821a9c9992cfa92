import { expect, test } from "bun:test";
import { withoutArguments } from "./write_bundle.ts";

test("a bundle tells a program's name and none of its arguments", () => {
  const report = {
    sentence: "exec mysql -u root -pHunter2 ended with exit code 1",
    evidence: [{ value: "its program: sh -c TOKEN=abc run -v" }],
    also: [{ sentence: "exec ls ended" }],
  };
  const lines = ["-u root -pHunter2", "-c TOKEN=abc run -v", "-c"];
  expect(withoutArguments(report, lines)).toEqual({
    sentence: "exec mysql … ended with exit code 1",
    evidence: [{ value: "its program: sh …" }],
    also: [{ sentence: "exec ls ended" }],
  });
});
