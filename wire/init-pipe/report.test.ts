import { expect, test } from "bun:test";
import {
  PAGE_BYTES,
  RECORD_FIELDS,
  RECORD_STATE,
  REPORT_FIELDS,
  REPORT_HEADER_BYTES,
  REPORT_RECORD_BYTES,
} from "./layout.ts";
import { decodeReport, emptyReport, reportBytes } from "./report.ts";

const recordAt = (index: number) => REPORT_HEADER_BYTES + index * REPORT_RECORD_BYTES;

test("takes as many pages as the plan's operations need", () => {
  expect(reportBytes(1)).toBe(PAGE_BYTES);
  expect(reportBytes(149)).toBe(PAGE_BYTES);
  expect(reportBytes(150)).toBe(2 * PAGE_BYTES);
});

test("an untouched report says nothing", () => {
  const report = decodeReport(emptyReport(2), 2, 1);
  expect(report.stage).toBe("none");
  expect(report.failed).toBeUndefined();
  expect(report.records.map(({ state }) => state)).toEqual(["untouched", "untouched"]);
});

test("a foreign or short page is refused", () => {
  expect(() => decodeReport(Buffer.alloc(PAGE_BYTES), 1, 0)).toThrow(RangeError);
  expect(() => decodeReport(emptyReport(1), 500, 0)).toThrow(RangeError);
});

test("values out of range do not get through", () => {
  const page = emptyReport(2);
  page.writeUInt32LE(99, REPORT_FIELDS.stage);
  page.writeUInt32LE(99, REPORT_FIELDS.current);
  page.writeUInt32LE(99, REPORT_FIELDS.failed);
  page.fill(0x41, REPORT_FIELDS.detail, REPORT_HEADER_BYTES);
  const report = decodeReport(page, 2, 1);
  expect(report).toMatchObject({ stage: "none", current: 1 });
  expect(report.failed).toBeUndefined();
  expect(report.detail).toHaveLength(REPORT_HEADER_BYTES - REPORT_FIELDS.detail);
});

test("a time namespace's offset is taken out of the grandchild's times", () => {
  const page = emptyReport(3);
  const shift = 3_600_000_000_000n;
  const write = (field: keyof typeof REPORT_FIELDS, value: bigint) =>
    page.writeBigUInt64LE(value, REPORT_FIELDS[field]);
  write("childMonotonic", 1000n);
  write("childRealtime", 500_000n);
  write("grandchildMonotonic", 1100n + shift);
  write("grandchildRealtime", 500_100n);
  write("grandchildBegan", 1200n + shift);
  for (const [index, started, finished] of [
    [0, 500n, 600n],
    [1, 900n, 1150n + shift],
    [2, 1300n + shift, 1400n + shift],
  ] as const) {
    page.writeBigUInt64LE(started, recordAt(index) + RECORD_FIELDS.started);
    page.writeBigUInt64LE(finished, recordAt(index) + RECORD_FIELDS.finished);
    page.writeUInt32LE(RECORD_STATE.done, recordAt(index) + RECORD_FIELDS.state);
  }
  const report = decodeReport(page, 3, 1);
  expect(report.began.grandchild).toBe(1200);
  expect(report.records.map(({ startedNs, finishedNs }) => [startedNs, finishedNs])).toEqual([
    [500, 600],
    [900, 1150],
    [1300, 1400],
  ]);
});
