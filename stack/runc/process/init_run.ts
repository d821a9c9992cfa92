import { libexecPath } from "#lib/install/install_paths.ts";
import {
  MFD,
  MSG_DONTWAIT,
  memfdCreate,
  receiveWithFds,
  SOCK,
  sendWithFds,
  socketpair,
} from "#lib/linux/descriptor.ts";
import { closeFile } from "#lib/linux/file.ts";
import { awaitReadable, readAtStart, sealedBytes, writeAtStart } from "#lib/linux/process.ts";
import { MESSAGE, REPORT_FIELDS } from "#wire/init-pipe/layout.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import { encodePlan } from "#wire/init-pipe/plan_encode.ts";
import { decodeReport, emptyReport, type InitReport } from "#wire/init-pipe/report.ts";
import type { LaunchedProcess, ProcessLauncher } from "#wire/oci-runtime/runtime.ts";
import { loadInit } from "./init_image.ts";

/** What init says on its pipe; `end` is execve or death. */
export type InitMessage =
  | { kind: "namespaces" }
  | { kind: "seccomp"; fd: number }
  | { kind: "end" }
  | { kind: "silence" };

/** One run of init: its processes, its pipe and its report. */
export class InitRun {
  readonly plan: Plan;
  readonly launcher: ProcessLauncher;
  first: LaunchedProcess | undefined;
  /** A folder through which somebody steps from operation to operation. */
  readonly step: string | undefined;
  #pipe = -1;
  #report = -1;
  #page: Buffer;
  readonly #grandchildFrom: number;
  readonly #encoded: Buffer | undefined;

  /** `encoded`: the plan as init reads it, where it was laid out before. */
  constructor(plan: Plan, launcher: ProcessLauncher, step?: string, encoded?: Buffer) {
    this.plan = plan;
    this.#encoded = encoded;
    this.step = step;
    this.launcher = launcher;
    this.#page = emptyReport(plan.operations.length);
    if (step !== undefined) this.#page.writeUInt32LE(1, REPORT_FIELDS.hold);
    this.#grandchildFrom = plan.operations.findIndex(({ op }) => op === "clone-grandchild");
  }

  /**
   * Starts init. `extra` are descriptors that the plan names by number; `preserve` those from 3 on
   * that go through to the program. Init's own come after them, from `base` on.
   */
  async start(base: number, extra: readonly { fd: number; as: number }[]): Promise<void> {
    const initImage = loadInit();
    const opened: number[] = [];
    try {
      const [ours, theirs] = socketpair(SOCK.STREAM);
      this.#pipe = ours;
      opened.push(theirs);
      this.#report = memfdCreate("catena-report", MFD.CLOEXEC);
      writeAtStart(this.#report, this.#page);
      const plan = sealedBytes("catena-plan", this.#encoded ?? encodePlan(this.plan));
      opened.push(plan);
      this.first = await this.launcher.spawn({
        executable: libexecPath("catena-init"),
        executableFd: initImage,
        argv: ["catena-init", String(base)],
        // Init calls execve with the plan's environment and needs none itself.
        env: {},
        fds: [
          { fd: theirs, as: base },
          { fd: this.#report, as: base + 1 },
          { fd: plan, as: base + 2 },
          ...extra,
        ],
      });
    } finally {
      for (const fd of opened) closeFile(fd);
    }
  }

  /** The next thing that init says; `silence` when it says nothing for `timeoutMs`. */
  async next(timeoutMs: number): Promise<InitMessage> {
    // Whoever steps is served between two looks at the pipe.
    const blockMs = this.step === undefined ? (this.launcher.blockMs ?? 0) : 0;
    if (!(await awaitReadable(this.#pipe, timeoutMs, blockMs))) return { kind: "silence" };
    const byte = Buffer.alloc(1);
    let got: { bytes: number; fds: number[] };
    try {
      got = receiveWithFds(this.#pipe, byte, MSG_DONTWAIT);
    } catch {
      // Reset: init died with our answer unread.
      return { kind: "end" };
    }
    const [fd, ...spare] = got.fds;
    for (const other of spare) closeFile(other);
    if (got.bytes === 1 && byte[0] === MESSAGE.namespaces) return { kind: "namespaces" };
    if (got.bytes === 1 && byte[0] === MESSAGE.seccomp && fd !== undefined) {
      return { kind: "seccomp", fd };
    }
    if (fd !== undefined) closeFile(fd);
    return { kind: "end" };
  }

  /** Lets init go on. A dead init is noticed at its end of the pipe. */
  go(): void {
    try {
      sendWithFds(this.#pipe, Buffer.from([MESSAGE.go]), []);
    } catch {
      // See above.
    }
  }

  /** The shared report, for who steps through the launch. */
  get reportFd(): number {
    return this.#report;
  }

  /** The report as it is at this instant. */
  report(): InitReport {
    readAtStart(this.#report, this.#page);
    return decodeReport(this.#page, this.plan.operations.length, this.#grandchildFrom);
  }

  /** Closes our ends: an init that waits for an answer gives up. */
  close(): void {
    for (const fd of [this.#pipe, this.#report]) if (fd >= 0) closeFile(fd);
    this.#pipe = -1;
    this.#report = -1;
  }

  closePipe(): void {
    if (this.#pipe >= 0) closeFile(this.#pipe);
    this.#pipe = -1;
  }
}
