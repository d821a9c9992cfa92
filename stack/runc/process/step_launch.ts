import {
  ignoring,
  killProcess,
  readText,
  readTextIfAny,
  removeFile,
  removeTree,
  S_IFDIR,
  S_IFMT,
  statFile,
  statLink,
  writeTextAtomically,
} from "#lib/linux/file.ts";
import { REPORT_FIELDS } from "#wire/init-pipe/layout.ts";
import type { InitReport } from "#wire/init-pipe/report.ts";
import { operationText } from "../spec/plan_text.ts";
import type { InitRun } from "./init_run.ts";

/*
 * Stepping through a launch, between the runtime and whoever made the folder (tools/cli/step):
 *
 *   runtime  plan.json   once: the plan's operations as texts, and the rootfs
 *   runtime  held.json   init waits before an operation: which, in which stage, its process id
 *   other    go          a number: wait before that operation next; 0: never again
 *   other    removes the folder: never again
 *   other    owner       its process id: when it is gone the launch is given up
 */

const LOOK_MS = 10;
const SIGKILL = 9;
const SIGSTOP = 19;
const SIGCONT = 18;
const WORD_BYTES = 4;

/** What plan.json holds. */
export interface StepPlan {
  operations: { op: string; text: string }[];
  rootfs: string;
}

/** What held.json holds. */
export interface HeldStep {
  /** Of the operation that comes next. */
  index: number;
  stage: InitReport["stage"];
  /** The waiting process, in this host's pid namespace. */
  pid: number;
}

/**
 * Serves the folder while init runs. A folder that is not private to us, or that is removed, means
 * that nobody steps: then init runs on as ever.
 */
export function stepThrough(run: InitRun, folder: string, rootfs: string): { stop(): void } {
  if (!isPrivate(folder)) {
    setHold(run, 0);
    return { stop() {} };
  }
  const { operations } = run.plan;
  const texts = operations.map((one) => ({ op: one.op, text: operationText(one) }));
  writeWhole(`${folder}/plan.json`, { operations: texts, rootfs } satisfies StepPlan);
  let stopped: HeldStep | undefined;
  let told = false;
  /** Let go already: on a busy host init may not have noted yet that it goes on. */
  let passed: number | undefined;
  const look = () => {
    if (!exists(folder)) release(0);
    else if (isAbandoned(folder)) {
      // Nobody would ever let it go on; a stopped process must not be left behind.
      if (stopped) signal(stopped.pid, SIGKILL);
      release(0);
      removeTree(folder);
    } else if (!stopped) {
      const held = heldStep(run);
      if (!held || held.index === passed) return;
      stopped = held;
      signal(held.pid, SIGSTOP);
    } else if (!told) {
      if (!hasStopped(stopped.pid)) return;
      told = true;
      writeWhole(`${folder}/held.json`, stopped);
    } else {
      const next = readNext(folder);
      if (next !== undefined) release(next);
    }
  };
  const release = (next: number) => {
    setHold(run, next);
    removeIfAny(`${folder}/held.json`);
    // Last: whoever steps takes a held.json beside a go for the former one.
    removeIfAny(`${folder}/go`);
    if (stopped) signal(stopped.pid, SIGCONT);
    passed = stopped?.index;
    stopped = undefined;
    told = false;
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      clearInterval(timer);
      release(0);
    },
  };
}

/** It takes part in a launch as root: it must be ours alone, and a folder. */
function isPrivate(folder: string): boolean {
  const about = statLink(folder);
  if (about === undefined || (about.mode & S_IFMT) !== S_IFDIR) return false;
  return about.uid === process.geteuid!() && !(about.mode & 0o077);
}

function isAbandoned(folder: string): boolean {
  try {
    const owner = Number(readText(`${folder}/owner`));
    return owner > 0 && !exists(`/proc/${owner}`);
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  return statFile(path) !== undefined;
}

function removeIfAny(path: string): void {
  ignoring("ENOENT", () => removeFile(path));
}

function setHold(run: InitRun, value: number): void {
  const word = Buffer.alloc(WORD_BYTES);
  word.writeUInt32LE(value);
  // Loading it is a tenth of a command: only a launch that is stepped through pays.
  const { writeSync } = require("node:fs") as typeof import("node:fs");
  writeSync(run.reportFd, word, 0, WORD_BYTES, REPORT_FIELDS.hold);
}

function heldStep(run: InitRun): HeldStep | undefined {
  const { held, stage, pids } = run.report();
  const pid = stage === "none" ? 0 : pids[stage];
  return held === undefined || pid <= 0 ? undefined : { index: held, stage, pid };
}

/** Whether a process is stopped by a signal, or gone: it will not become so then. */
function hasStopped(pid: number): boolean {
  const stat = readTextIfAny(`/proc/${pid}/stat`);
  return stat === undefined || stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}

/** The number in `go`; undefined while there is none, or none yet. */
function readNext(folder: string): number | undefined {
  let text: string | undefined;
  try {
    text = readTextIfAny(`${folder}/go`);
  } catch {
    return undefined;
  }
  if (!text) return undefined;
  const next = Number(text);
  return Number.isInteger(next) && next >= 0 ? next : 0;
}

function signal(pid: number, number: number): void {
  try {
    killProcess(pid, number);
  } catch {
    // It ended meanwhile.
  }
}

function writeWhole(path: string, value: unknown): void {
  try {
    writeTextAtomically(path, JSON.stringify(value));
  } catch {
    // The folder was removed this moment: the next look sees that.
  }
}
