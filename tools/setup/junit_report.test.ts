import { expect, test } from "bun:test";
import { readJunit } from "./junit_report.mjs";

test("a report's tests are read with their outcomes", () => {
  const report = `<testsuites><testsuite name="f">
    <testcase name="one &gt; two" classname="a &amp; &quot;b&quot;" time="0" />
    <testcase name="three" classname="c" time="0"><skipped /></testcase>
    <testcase name="four" classname="c" time="0">
      <failure type="AssertionError" />
    </testcase>
    <testcase name="five &#10;" classname="" time="0" /></testsuite></testsuites>`;
  expect(readJunit(report)).toEqual([
    { suite: 'a & "b"', name: "one > two", outcome: "passed" },
    { suite: "c", name: "three", outcome: "skipped" },
    { suite: "c", name: "four", outcome: "failed" },
    { suite: "", name: "five \n", outcome: "passed" },
  ]);
});

test("what is no report has no tests", () => {
  expect(readJunit("")).toEqual([]);
});
