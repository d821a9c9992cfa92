import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { closeFile, killProcess } from "#lib/linux/file.ts";
import { monotonicNs, type SpanRecord } from "#lib/trace/span.ts";
import type { ExitStatus, LaunchedProcess } from "#wire/oci-runtime/runtime.ts";
import type { InitRun } from "./init_run.ts";
import { forkedOnly, judgeLaunch } from "./launch_result.ts";
import { launchSpans } from "./launch_spans.ts";
import type { Launched, LaunchTask } from "./launch_types.ts";

/** Longest silence of init, unless hooks without a time limit of their own run in it. */
const SILENCE_MS = 120_000;
const HOOK_SILENCE_MS = 3_600_000;
/** How long a killed process may take to be gone. */
const REAP_MS = 5_000;
const MAX_MESSAGES = 16;
const SIGKILL = 9;

/**
 * Brings a started init to its end: answers what it asks, waits for execve (or for the wait for
 * `start`), and judges. On failure nothing of it is left.
 */
export async function conductLaunch(task: LaunchTask): Promise<Launched> {
  const { run } = task;
  const abort = () => killStages(run);
  task.signal?.addEventListener("abort", abort, { once: true });
  try {
    await answerSteps(task);
    const endNs = monotonicNs();
    const report = run.report();
    const result = judgeLaunch(run.plan, report);
    const spans = lazySpans(() =>
      task.trace?.sampled ? launchSpans(run.plan, report, task.trace, endNs) : [],
    );
    if (task.sink?.later) task.sink.later(spans);
    else if (task.sink) for (const span of spans()) task.sink.add(span);
    if (result.kind === "running") {
      await reapStages(run, report.pids.child);
      return {
        pid: result.pid,
        get spans() {
          return spans();
        },
      };
    }
    task.signal?.throwIfAborted();
    // The status says how it died; reading it reaps, so the counters are looked at afterwards.
    const status = await reap(run, [report.pids.child, report.pids.grandchild]);
    // A chunk of its own: a launch that succeeds need not read how failures are explained.
    const { launchFailure } = await import("./launch_failure.ts");
    throw launchFailure({ ...task, report, result, ...(status ? { status } : {}) });
  } catch (error) {
    await unwind(run);
    throw task.signal?.aborted ? cancelled() : toChainError(error, "runc", "launch");
  } finally {
    task.signal?.removeEventListener("abort", abort);
    run.close();
  }
}

/** Made once, and only if somebody asks. */
function lazySpans(make: () => SpanRecord[]): () => SpanRecord[] {
  let made: SpanRecord[] | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function cancelled() {
  return failure({
    layer: "runc",
    op: "launch",
    code: "cancelled",
    message: "the launch was given up by its caller",
  });
}

/** The same, while somebody steps from operation to operation. */
async function answerSteps(task: LaunchTask): Promise<void> {
  const { run } = task;
  if (run.step === undefined) return answerInit(task);
  const { stepThrough } = require("./step_launch.ts") as typeof import("./step_launch.ts");
  const stepping = stepThrough(run, run.step, task.root);
  try {
    await answerInit(task);
  } finally {
    stepping.stop();
  }
}

async function answerInit(task: LaunchTask): Promise<void> {
  const { run } = task;
  const hooks = run.step !== undefined || run.plan.operations.some(({ op }) => op === "hook");
  for (let count = 0; count < MAX_MESSAGES; count++) {
    const message = await run.next(hooks ? HOOK_SILENCE_MS : SILENCE_MS);
    if (message.kind === "end") return;
    if (message.kind === "silence") throw silence(run);
    if (message.kind === "namespaces") await task.onNamespaces?.(run.report().pids.grandchild);
    else await passListener(task, message.fd);
    run.go();
  }
}

async function passListener(task: LaunchTask, fd: number): Promise<void> {
  try {
    await task.onListener?.(fd, task.run.report().pids.grandchild);
  } finally {
    closeFile(fd);
  }
}

function silence(run: InitRun) {
  const report = run.report();
  const operation = run.plan.operations[report.current]!;
  const position = `operation ${report.current + 1} of ${run.plan.operations.length}`;
  return failure({
    layer: "init",
    op: operation.op,
    code: "deadline_exceeded",
    message: `${position}, ${operation.op}: no progress for ${SILENCE_MS / 1000} s`,
  });
}

/** Reaps the stages that did their work: they closed the pipe, so they are ending or gone. */
async function reapStages({ launcher, first }: InitRun, child: number): Promise<void> {
  if (!launcher.waitFor) return;
  await launcher.waitFor(child);
  if (first) await launcher.waitFor(first.pid);
}

/** Waits for ended stages for a limited time. Returns the last status, where it can be told. */
async function reap(run: InitRun, pids: readonly number[]): Promise<ExitStatus | undefined> {
  let status = await ended(run.launcher.waitFor ? run.first : undefined);
  for (const pid of pids) {
    if (pid > 0) status = (await limited(run.launcher.waitFor?.(pid))) ?? status;
  }
  return status;
}

const ended = (process: LaunchedProcess | undefined) => limited(process?.exited);

/** The result of a wait, or undefined when it fails or takes too long. */
async function limited(wait: Promise<ExitStatus> | undefined): Promise<ExitStatus | undefined> {
  if (!wait) return undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, REAP_MS, undefined);
  });
  try {
    return await Promise.race([wait, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends whatever of init is left. Only what is still init is killed: pids may have been reused. */
function killStages(run: InitRun): void {
  const { pids } = run.report();
  for (const pid of [run.first?.pid ?? 0, pids.child, pids.grandchild]) {
    if (pid > 1 && forkedOnlyOrFirst(run, pid)) {
      try {
        killProcess(pid, SIGKILL);
      } catch {
        // Gone already.
      }
    }
  }
}

function forkedOnlyOrFirst(run: InitRun, pid: number): boolean {
  return pid === run.first?.pid || forkedOnly(pid);
}

async function unwind(run: InitRun): Promise<void> {
  run.closePipe();
  killStages(run);
  const { pids } = run.report();
  await reap(run, [pids.child, pids.grandchild]);
}
