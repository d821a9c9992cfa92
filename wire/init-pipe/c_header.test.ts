import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CHARGED,
  EXIT_FAILED,
  MAX_SLOTS,
  MESSAGE,
  OPERATION_BY_PARENT,
  OPERATION_HEADER_BYTES,
  OPERATION_OPTIONAL,
  PAGE_BYTES,
  PLAN_FLAG_CLOCK,
  PLAN_HEADER_BYTES,
  PLAN_MAGIC,
  PLAN_MAX_BYTES,
  PLAN_MAX_OPERATIONS,
  PLAN_MAX_STRINGS,
  PLAN_VERSION,
  RECORD_FIELDS,
  RECORD_STATE,
  REPORT_DETAIL_BYTES,
  REPORT_FIELDS,
  REPORT_HEADER_BYTES,
  REPORT_MAGIC,
  REPORT_RECORD_BYTES,
  STAGE,
} from "./layout.ts";
import { LAYOUT } from "./operation_layout.ts";

/** Plain constants of the layout that the C side needs, in the order of the header. */
const CONSTANTS = {
  PLAN_MAGIC,
  PLAN_VERSION,
  PLAN_HEADER_BYTES,
  PLAN_FLAG_CLOCK,
  PLAN_MAX_BYTES,
  PLAN_MAX_OPERATIONS,
  PLAN_MAX_STRINGS,
  OPERATION_HEADER_BYTES,
  OPERATION_OPTIONAL,
  OPERATION_BY_PARENT,
  REPORT_MAGIC,
  REPORT_HEADER_BYTES,
  REPORT_RECORD_BYTES,
  REPORT_DETAIL_BYTES,
  PAGE_BYTES,
  MAX_SLOTS,
  EXIT_FAILED,
};

const TABLES = { RECORD_STATE, STAGE, CHARGED, MESSAGE };

function cHeader(): string {
  const lines = [
    "/* Written by wire/init-pipe/c_header.test.ts, which also compares it with the layouts. */",
    "#ifndef CATENA_PLAN_FORMAT_H",
    "#define CATENA_PLAN_FORMAT_H",
    "",
    ...Object.entries(CONSTANTS).map(([name, value]) => `#define ${name} ${number(value)}`),
    "",
    ...Object.entries(TABLES).flatMap(([table, values]) =>
      Object.entries(values).map(([key, value]) => define(`${table}_${key}`, value)),
    ),
    "",
    "/* Offsets in the report's header, and in an operation's record. */",
    ...Object.entries(REPORT_FIELDS).map(([key, at]) => define(`REPORT_AT_${key}`, at)),
    ...Object.entries(RECORD_FIELDS).map(([key, at]) => define(`RECORD_AT_${key}`, at)),
    "",
    "/* X(name, number): every operation. */",
    "#define PLAN_OPERATIONS(X) \\",
    ...Object.entries(LAYOUT).map(
      ([name, { code }]) => `  X(${name.replaceAll("-", "_")}, ${code}) \\`,
    ),
    "",
    "#endif",
  ];
  return `${lines.join("\n")}\n`;
}

function define(name: string, value: number): string {
  const snake = name.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
  return `#define ${snake} ${number(value)}`;
}

function number(value: number): string {
  return value > 0xffff ? `0x${value.toString(16)}u` : `${value}`;
}

test("init's C header is the one that the layouts give (CATENA_WRITE_HEADER=1 renews it)", () => {
  const path = join(import.meta.dir, "../../stack/runc/init/plan_format.h");
  if (process.env["CATENA_WRITE_HEADER"]) writeFileSync(path, cHeader());
  expect(readFileSync(path, "utf8")).toBe(cHeader());
});

test("no two operations share a number", () => {
  const codes = Object.values(LAYOUT).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});
