import {
  PAGE_BYTES,
  RECORD_FIELDS,
  REPORT_DETAIL_BYTES,
  REPORT_FIELDS,
  REPORT_HEADER_BYTES,
  REPORT_MAGIC,
  REPORT_RECORD_BYTES,
} from "./layout.ts";

export type StageName = "none" | "parent" | "child" | "grandchild";
export type RecordState = "untouched" | "started" | "done" | "failed";

/** Names by number, in the order of the layout's tables. */
const STAGES: readonly StageName[] = ["none", "parent", "child", "grandchild"];
const STATES: readonly RecordState[] = ["untouched", "started", "done", "failed"];
const CHARGES: readonly InitReport["charged"][] = ["none", "cgroup", "fallback"];

/** What the report page says of one operation. Times are CLOCK_MONOTONIC nanoseconds, 0 unknown. */
export interface OperationRecord {
  state: RecordState;
  startedNs: number;
  finishedNs: number;
  /** Errno of a failure, also of one that an optional operation survived. */
  errno: number;
}

/** The report page, decoded. */
export interface InitReport {
  stage: StageName;
  /** Index of the operation that was started last. */
  current: number;
  /** Index of the operation that failed, if one did. */
  failed?: number;
  /** The index of the operation before which init waits, when somebody steps through it. */
  held?: number;
  errno: number;
  pids: { parent: number; child: number; grandchild: number };
  charged: "none" | "cgroup" | "fallback";
  /** What pids-check read at the level that refused. */
  pidsLevel: { level: number; current: bigint; max: bigint };
  /** When each stage began; 0 when it did not. */
  began: { parent: number; child: number; grandchild: number };
  hookStatus: number;
  detail: string;
  records: OperationRecord[];
}

/** How many bytes the report of a plan takes: whole pages. */
export function reportBytes(operations: number): number {
  const bytes = REPORT_HEADER_BYTES + operations * REPORT_RECORD_BYTES;
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** An empty report of a plan with that many operations: what init finds when it starts. */
export function emptyReport(operations: number): Buffer {
  const page = Buffer.alloc(reportBytes(operations));
  page.writeUInt32LE(REPORT_MAGIC, REPORT_FIELDS.magic);
  return page;
}

/**
 * Reads a report page. Init may have died at any instant, so every value is checked; throws when
 * the page is not one of `operations` records. From `grandchildFrom` on, operations were timed by
 * the grandchild, whose clock a time namespace may have moved.
 */
export function decodeReport(page: Buffer, operations: number, grandchildFrom: number): InitReport {
  if (page.length < reportBytes(operations) || page.readUInt32LE(0) !== REPORT_MAGIC) {
    throw new RangeError("not a report page of this plan");
  }
  const u32 = (field: keyof typeof REPORT_FIELDS) => page.readUInt32LE(REPORT_FIELDS[field]);
  const ns = (field: keyof typeof REPORT_FIELDS) =>
    Number(page.readBigUInt64LE(REPORT_FIELDS[field]));
  const shift = clockShift(page);
  const detail = page.subarray(REPORT_FIELDS.detail, REPORT_FIELDS.detail + REPORT_DETAIL_BYTES);
  const end = detail.indexOf(0);
  const report: InitReport = {
    stage: STAGES[u32("stage")] ?? "none",
    current: Math.min(u32("current"), Math.max(operations - 1, 0)),
    errno: u32("errno"),
    pids: { parent: u32("parentPid"), child: u32("childPid"), grandchild: u32("grandchildPid") },
    charged: CHARGES[u32("charged")] ?? "none",
    pidsLevel: {
      level: u32("level"),
      current: page.readBigInt64LE(REPORT_FIELDS.levelCurrent),
      max: page.readBigInt64LE(REPORT_FIELDS.levelMax),
    },
    began: {
      parent: ns("parentBegan"),
      child: ns("childBegan"),
      grandchild: shifted(ns("grandchildBegan"), shift),
    },
    hookStatus: u32("hookStatus"),
    detail: detail.subarray(0, end < 0 ? detail.length : end).toString("utf8"),
    records: decodeRecords(page, operations, grandchildFrom, shift),
  };
  const failed = u32("failed");
  if (failed > 0 && failed <= operations) report.failed = failed - 1;
  const held = u32("held");
  if (held > 0 && held <= operations) report.held = held - 1;
  return report;
}

function decodeRecords(
  page: Buffer,
  operations: number,
  grandchildFrom: number,
  shift: number,
): OperationRecord[] {
  const records: OperationRecord[] = [];
  for (let index = 0; index < operations; index++) {
    const at = REPORT_HEADER_BYTES + index * REPORT_RECORD_BYTES;
    const started = Number(page.readBigUInt64LE(at + RECORD_FIELDS.started));
    const finished = Number(page.readBigUInt64LE(at + RECORD_FIELDS.finished));
    // The operation that clones the grandchild is started by one clock and finished by the other.
    records.push({
      state: STATES[page.readUInt32LE(at + RECORD_FIELDS.state)] ?? "untouched",
      startedNs: index > grandchildFrom ? shifted(started, shift) : started,
      finishedNs: index >= grandchildFrom ? shifted(finished, shift) : finished,
      errno: page.readUInt32LE(at + RECORD_FIELDS.errno),
    });
  }
  return records;
}

/**
 * A time namespace moves the grandchild's CLOCK_MONOTONIC, never CLOCK_REALTIME: two readings of
 * both, moments apart, give the offset. Less than a second is no offset but the time between them.
 */
function clockShift(page: Buffer): number {
  const at = (field: keyof typeof REPORT_FIELDS) => page.readBigInt64LE(REPORT_FIELDS[field]);
  if (at("grandchildMonotonic") === 0n) return 0;
  const monotonic = at("grandchildMonotonic") - at("childMonotonic");
  const realtime = at("grandchildRealtime") - at("childRealtime");
  const shift = Number(monotonic - realtime);
  return Math.abs(shift) < 100_000_000 ? 0 : shift;
}

function shifted(ns: number, shift: number): number {
  return ns === 0 ? 0 : ns - shift;
}
