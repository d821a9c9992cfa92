import { existsSync, readFileSync } from "node:fs";
import { mustRun, runCommand } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { makeBundle } from "../lib/runtime_bundle.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

/** One step of a genuine `runc exec`, as strace saw it. */
export interface StoryStep {
  atMs: number;
  who: string;
  what: string;
}

export interface GenuineStory {
  steps: StoryStep[];
  /** What runc said in the end. */
  message: string;
}

const STRACE = "/usr/bin/strace";
const PIDS_LIMIT = 12;
const CALLS = "clone,clone3,execve,setns,write,read,exit_group,tgkill,openat";
const ID = "genuine";

/** Why the genuine exec cannot be watched here; undefined when it can. */
export function storyMissing(): string | undefined {
  const absent = [STRACE, GENUINE.runc].find((path) => !existsSync(path));
  return absent === undefined ? undefined : `no ${absent}`;
}

/**
 * Has genuine runc exec into a container at its pids limit, under strace, which delays each new
 * thread by 50 ms so that the race is lost every time; tells what happened, step by step.
 */
export async function watchGenuineExec(sandbox: Sandbox): Promise<GenuineStory> {
  const sleepers = `for i in $(seq ${PIDS_LIMIT - 1}); do sleep 100000 & done; wait`;
  const options = { args: ["sh", "-c", sleepers], pidsLimit: PIDS_LIMIT };
  const bundle = await makeBundle(sandbox, ID, options);
  const runc = [GENUINE.runc, "--root", sandbox.path("runc-root")];
  await runCommand([...runc, "run", "-d", "--bundle", bundle, ID]);
  sandbox.onClose(async () => {
    await runCommand([...runc, "delete", "-f", ID]);
  });
  const current = `/sys/fs/cgroup/pids/${sandbox.tag}/${ID}/pids.current`;
  const unified = `/sys/fs/cgroup/${sandbox.tag}/${ID}/pids.current`;
  await waitUntil("the container is at its limit", () => {
    const file = existsSync(current) ? current : unified;
    // One free place: what joins may be there, a second thread of it may not.
    return Number(readFileSync(file, "utf8")) === PIDS_LIMIT;
  });
  const log = sandbox.path("strace.log");
  const strace = [STRACE, "-f", "-y", "-qq", "-ttt", "-s", "64", "-o", log, "-e", `trace=${CALLS}`];
  const delay = ["-e", "inject=clone3:delay_enter=50ms"];
  const { stderr } = await runCommand([...strace, ...delay, ...runc, "exec", ID, "true"]);
  await mustRun([...runc, "delete", "-f", ID]);
  const message = /msg="?(.*?)"?$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n").at(-1) ?? "";
  return { steps: tellStory(readFileSync(log, "utf8")), message };
}

/** Who a thread is: its place in the family of processes that runc init makes. */
class Family {
  readonly #names = new Map<string, string>();

  nameOf(tid: string): string {
    return this.#names.get(tid) ?? "runc";
  }

  init(tid: string, name: string): void {
    this.#names.set(tid, name);
  }
}

/** Reads what matters out of strace's log; equal steps after each other become one. */
export function tellStory(log: string): StoryStep[] {
  const family = new Family();
  const steps: (StoryStep & { count: number })[] = [];
  let first: number | undefined;
  for (const line of joinResumed(log)) {
    const match = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line);
    if (!match) continue;
    const [, tid, time, call] = match as unknown as [string, string, string, string];
    const what = meaningOf(family, tid, call);
    if (what === undefined) continue;
    first ??= Number(time);
    const who = family.nameOf(tid);
    const last = steps.at(-1);
    if (last?.who === who && last.what === what) last.count += 1;
    else steps.push({ atMs: (Number(time) - first) * 1000, who, what, count: 1 });
  }
  return steps.map(({ count, what, ...step }) => ({
    ...step,
    what: count === 1 ? what : `${what}, ${count} times`,
  }));
}

/** What a call means for the story; undefined for the many that mean nothing. Names who is new. */
function meaningOf(family: Family, tid: string, call: string): string | undefined {
  const who = family.nameOf(tid);
  if (/^execve\("\/proc\/self\/exe", \["[^"]*", "init"\]/.test(call)) {
    family.init(tid, "init, 1st stage");
    return "execve runc init: it begins in C, before Go";
  }
  const clone = /^clone\(.*CLONE_PARENT.*\) += (\d+)$/.exec(call);
  if (clone) {
    const next = who === "init, 1st stage" ? "init, 2nd stage" : "init, 3rd stage";
    family.init(clone[1]!, next);
    return `clones the ${next.slice(6)}`;
  }
  const joined = /^setns\(.*CLONE_NEW(\w+)\) += 0/.exec(call);
  if (joined) return `joins the ${nameOfNamespace(joined[1]!)} namespace: setns`;
  if (who === "runc") return runcMeaning(call);
  if (/^exit_group\(0/.test(call)) return "ends, its work is done";
  if (/^clone3\(.*EAGAIN/.test(call)) return "Go starts a thread: clone3 = EAGAIN";
  if (/^write\(2.*pthread_create failed/.test(call)) {
    return "writes `runtime/cgo: pthread_create failed: Resource temporarily unavailable`";
  }
  return /^tgkill\(.*SIGABRT/.test(call) ? "aborts: tgkill SIGABRT" : undefined;
}

function runcMeaning(call: string): string | undefined {
  if (/^openat\(.*state\.json/.test(call)) return "reads state.json";
  if (/^write\(\d+<[^>]*(cgroup\.procs|tasks)>/.test(call)) {
    return "writes the 3rd stage's pid into cgroup.procs: never refused";
  }
  if (/^write\(.*"\{\\"args\\"/.test(call)) return "sends the process to run down the socket";
  return /^read\(.*ECONNRESET/.test(call) ? "reads the answer: ECONNRESET" : undefined;
}

function nameOfNamespace(flag: string): string {
  return flag === "NS" ? "mount" : flag.toLowerCase();
}

/** strace splits a call that another thread's interrupts: puts the halves together, at the end. */
function joinResumed(log: string): string[] {
  const begun = new Map<string, string>();
  const out: string[] = [];
  for (const line of log.split("\n")) {
    const tid = line.split(" ", 1)[0]!;
    if (line.endsWith("<unfinished ...>")) {
      begun.set(tid, line.replace(/ *<unfinished \.\.\.>$/, ""));
      continue;
    }
    const resumed = /^(\d+ +\d+\.\d+) <\.\.\. \w+ resumed>(.*)$/.exec(line);
    const start = begun.get(tid);
    if (resumed && start !== undefined) {
      begun.delete(tid);
      out.push(`${resumed[1]} ${start.replace(/^\d+ +\d+\.\d+ /, "")}${resumed[2]}`);
    } else out.push(line);
  }
  // What never returned: its thread died in the call.
  for (const line of begun.values()) out.push(line);
  return out;
}
