import { expect, test } from "bun:test";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { composeReport } from "#tools/doctor/report/compose_report.ts";
import { printReport } from "#tools/doctor/report/print_report.ts";
import { healthyFacts } from "./healthy_facts.ts";

test("escape codes and line breaks lose their power", () => {
  expect(neutralText("a\x1b[2Jb\nc\u202ed")).toBe("a\\x1b[2Jb\\nc\\x202ed");
});

test("a hostile name cannot command the reader's terminal", () => {
  const facts = healthyFacts();
  facts.name = "evil\x1b]0;owned\x07";
  facts.docker!.inspect!.error = "\x1b[31m";
  const text = printReport(composeReport(facts, []), false);
  expect(text).not.toContain("\x1b");
  expect(text).not.toContain("\x07");
});
