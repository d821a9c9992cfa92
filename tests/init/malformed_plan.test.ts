import { describe, expect, test } from "bun:test";
import { libexecPath } from "#lib/install/install_paths.ts";
import { MFD, memfdCreate, SOCK, socketpair } from "#lib/linux/descriptor.ts";
import { closeFile } from "#lib/linux/file.ts";
import {
  awaitProcess,
  readAtStart,
  sealedBytes,
  sealedCopy,
  startProcess,
  writeAtStart,
} from "#lib/linux/process.ts";
import {
  EXIT_FAILED,
  PAGE_BYTES,
  PLAN_HEADER_BYTES,
  PLAN_VERSION,
} from "#wire/init-pipe/layout.ts";
import { encodePlan } from "#wire/init-pipe/plan_encode.ts";
import { decodeReport, emptyReport } from "#wire/init-pipe/report.ts";

const EBADMSG = 74;
const REFUSED = 128 - EBADMSG;
const ENOSYS = 38;
const EPERM = 1;

/** Only harmless operations: these plans are run as root on the host. */
const PLAN = encodePlan({
  operations: [
    { op: "protect", keep: 0 },
    { op: "umask", mask: 0o022 },
    { op: "sync", message: 1 },
  ],
  clockWithoutSyscall: true,
});

interface Outcome {
  code: number;
  failed: number | undefined;
  errno: number;
}

/** Runs init on a plan whose other end is gone; returns its exit code and what it reported. */
async function outcomeOf(
  plan: Buffer,
  options: { sealed?: boolean; page?: Buffer } = {},
): Promise<Outcome> {
  const page = options.page ?? emptyReport(3);
  const [ours, theirs] = socketpair(SOCK.STREAM);
  const report = memfdCreate("report", MFD.CLOEXEC);
  const planFd = sealedBytes("plan", plan);
  const image = sealedCopy("init", libexecPath("catena-init"));
  closeFile(ours);
  writeAtStart(report, page);
  try {
    const pid = startProcess({
      path: libexecPath("catena-init"),
      ...(options.sealed === false ? {} : { executableFd: image }),
      argv: ["catena-init", "3"],
      env: [],
      fds: [
        { fd: 0, as: 0 },
        { fd: 1, as: 1 },
        { fd: 2, as: 2 },
        { fd: theirs, as: 3 },
        { fd: report, as: 4 },
        { fd: planFd, as: 5 },
      ],
    });
    const status = await awaitProcess(pid);
    readAtStart(report, page);
    const whole = page.length >= PAGE_BYTES && page.readUInt32LE(0) !== 0;
    const decoded = whole ? decodeReport(page, 3, -1) : undefined;
    return { code: status >> 8, failed: decoded?.failed, errno: decoded?.errno ?? 0 };
  } finally {
    for (const fd of [theirs, report, planFd, image]) closeFile(fd);
  }
}

function changed(edit: (plan: Buffer) => Buffer | undefined): Buffer {
  const copy = Buffer.from(PLAN);
  return edit(copy) ?? copy;
}

describe("init", () => {
  test("performs a plan up to where the other end is gone", async () => {
    const ECANCELED = 125;
    const EPIPE = 32;
    const { code, failed, errno } = await outcomeOf(PLAN);
    expect({ code, failed }).toEqual({ code: EXIT_FAILED, failed: 2 });
    expect([ECANCELED, EPIPE]).toContain(errno);
  });

  test("refuses to run from a file that could be changed", async () => {
    expect(await outcomeOf(PLAN, { sealed: false })).toEqual({
      code: EXIT_FAILED,
      failed: 0,
      errno: EPERM,
    });
  });

  test("refuses a plan that is cut off anywhere", async () => {
    for (let length = 0; length < PLAN.length; length += 4) {
      expect((await outcomeOf(PLAN.subarray(0, Math.max(length, 1)))).code).toBe(REFUSED);
    }
  });

  test("refuses false counts, lengths, magic and version", async () => {
    const lies: [number, number][] = [
      [0, 0],
      [4, PLAN_VERSION - 1],
      [4, PLAN_VERSION + 1],
      [12, 0],
      [12, 4],
      [12, 0xffffffff],
      [16, 0xffffffff],
      [PLAN_HEADER_BYTES + 4, 0xfffffff0],
      [PLAN_HEADER_BYTES + 4, 8],
    ];
    for (const [at, value] of lies) {
      const plan = changed((copy) => {
        copy.writeUInt32LE(value, at);
        return undefined;
      });
      expect((await outcomeOf(plan)).code).toBe(REFUSED);
    }
  });

  test("refuses an argument that ends too early, and an operation it does not know", async () => {
    // `umask` without its argument: its length and the plan's are one word less.
    const short = changed((copy) => {
      const at = PLAN_HEADER_BYTES + 12;
      copy.writeUInt32LE(0, at + 4);
      copy.writeUInt32LE(copy.length - 4, 16);
      return Buffer.concat([copy.subarray(0, at + 8), copy.subarray(at + 12)]);
    });
    expect(await outcomeOf(short)).toMatchObject({ failed: 1, errno: EBADMSG });
    const unknown = changed((copy) => {
      copy.writeUInt32LE(999, PLAN_HEADER_BYTES + 12);
      return undefined;
    });
    expect(await outcomeOf(unknown)).toMatchObject({ failed: 1, errno: ENOSYS });
  });

  test("refuses a report that is none, or too short", async () => {
    expect((await outcomeOf(PLAN, { page: Buffer.alloc(PAGE_BYTES) })).code).toBe(REFUSED);
    expect((await outcomeOf(PLAN, { page: emptyReport(3).subarray(0, 512) })).code).toBe(REFUSED);
  });
});
