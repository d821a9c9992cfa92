import { expect, spyOn, test } from "bun:test";
import { Log } from "#lib/log/log.ts";
import { logKernelGaps } from "./kernel_check.ts";

/** The levels and messages that a start on a kernel logs. */
function told(kernel: string): string[] {
  const log = new Log("cli", "info");
  const lines: string[] = [];
  for (const level of ["warn", "error"] as const) {
    spyOn(log, level).mockImplementation((message: string) => void lines.push(level + message));
  }
  logKernelGaps(log, kernel);
  return lines;
}

test("a new kernel is not worth a word", () => {
  expect(told("6.1.0-56-cloud-amd64")).toEqual([]);
});

test("a kernel that cannot run containers is an error, one that can is a warning", () => {
  expect(told("5.10.0")[0]).toStartWith("errorthe kernel is older than 5.12: no mount_setattr");
  expect(told("5.15.0")).toHaveLength(1);
  expect(told("5.15.0")[0]).toStartWith("warnthe kernel is older than 5.19");
});
