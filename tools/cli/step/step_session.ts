import { readSync } from "node:fs";
import { neutralText } from "#lib/errors/neutral_text.ts";
import type { HeldStep, StepPlan } from "#stack/runc/process/step_launch.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { readMounts } from "#tools/doctor/host/mount_table.ts";
import { readStatus } from "#tools/doctor/host/process_table.ts";
import { findOperation } from "./find_operation.ts";
import { openShell } from "./half_built_shell.ts";
import type { StepFolder } from "./step_folder.ts";

const LOOK_MS = 20;
const AROUND = 3;
const MAX_LINE_BYTES = 4096;

const HELP = `  s, Enter   perform this operation, stop before the next
  b OP       go on until before OP: a number, a name (pivot-root), a part of its text
  c          go on to the end
  p          the whole plan
  m          the mounts that the waiting process sees
  i          the waiting process: ids, capabilities, namespaces, cgroup
  sh         a shell in the half-built root
  q          give the launch up
`;

/**
 * Steps through a launch with whoever types on standard input, until it has ended or failed.
 * `breakBefore` is the first operation to stop before; without, the very first.
 */
export class StepSession {
  readonly #folder: StepFolder;
  #breakBefore: string | undefined;
  readonly #interrupt: (() => void) | undefined;
  #seen = false;

  /** `interrupt` is what Ctrl-C means while nothing waits; at the prompt it ends the session. */
  constructor(folder: StepFolder, breakBefore?: string, interrupt?: () => void) {
    this.#folder = folder;
    this.#breakBefore = breakBefore;
    this.#interrupt = interrupt;
  }

  /** Runs `launch` and serves its stops meanwhile. Settles as the launch does. */
  async through<T>(launch: Promise<T>): Promise<T> {
    let over = false;
    const end = launch.finally(() => {
      over = true;
    });
    // Its failure is the caller's; here it only ends the session.
    end.catch(() => undefined);
    this.#listen(true);
    while (!over) {
      const { held, plan } = this.#folder;
      if (held && plan) {
        this.#listen(false);
        this.#stop(held, plan);
        this.#listen(true);
      }
      await Bun.sleep(LOOK_MS);
    }
    this.#listen(false);
    if (!this.#seen) say("the launch did not stop: its runtime is not catena's");
    return end;
  }

  #listen(on: boolean): void {
    if (!this.#interrupt) return;
    if (on) process.on("SIGINT", this.#interrupt);
    else process.off("SIGINT", this.#interrupt);
  }

  #stop(held: HeldStep, plan: StepPlan): void {
    this.#seen = true;
    if (this.#breakBefore !== undefined) {
      const word = this.#breakBefore;
      this.#breakBefore = undefined;
      const index = findOperation(plan.operations, word);
      if (index === undefined) say(`no operation ${word} in this plan; stopped before the first`);
      else if (index > held.index) {
        this.#folder.go(withinLaunch(index, plan));
        return;
      }
    }
    showPlace(held, plan);
    for (;;) {
      process.stderr.write("step> ");
      const line = readLine();
      if (this.#perform(line, held, plan)) return;
    }
  }

  /** One command. True when init goes on. */
  #perform(line: string | undefined, held: HeldStep, plan: StepPlan): boolean {
    const [word, ...rest] = (line ?? "c").trim().split(/\s+/);
    switch (word) {
      case "":
      case "s":
        this.#folder.go(held.index + 1);
        return true;
      case "c":
        this.#folder.go();
        return true;
      case "b":
        return this.#goTo(rest.join(" "), held, plan);
      case "q":
        process.kill(held.pid, "SIGKILL");
        this.#folder.go();
        return true;
      case "p":
        say(planLines(plan, 0, plan.operations.length, held.index));
        return false;
      case "m":
        say(mountLines(held.pid));
        return false;
      case "i":
        say(processLines(held.pid));
        return false;
      case "sh": {
        const problem = openShell(held.pid, plan.rootfs);
        if (problem !== undefined) say(problem);
        return false;
      }
      default:
        process.stderr.write(HELP);
        return false;
    }
  }

  #goTo(word: string, held: HeldStep, plan: StepPlan): boolean {
    const index = findOperation(plan.operations, word, held.index + 1);
    if (index === undefined) say(`no operation ${word} follows`);
    else this.#folder.go(withinLaunch(index, plan));
    return index !== undefined;
  }
}

/** A created container waits for its start on its own: what follows cannot be stopped. */
function withinLaunch(index: number, { operations }: StepPlan): number {
  const last = operations.findIndex(({ op }) => op === "hand-over");
  if (last < 0 || index <= last) return index;
  say(`${operations[index]?.text} comes with the start: stopping before ${operations[last]?.text}`);
  return last;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function showPlace(held: HeldStep, plan: StepPlan): void {
  const { index, stage, pid } = held;
  const total = plan.operations.length;
  say(`\nstopped before operation ${index + 1} of ${total}, stage ${stage}, process ${pid}`);
  say(planLines(plan, Math.max(0, index - AROUND), index + AROUND + 1, index));
}

function planLines({ operations }: StepPlan, from: number, to: number, here: number): string {
  const width = String(operations.length).length;
  const lines = operations.slice(from, to).map(({ text }, offset) => {
    const index = from + offset;
    const sign = index < here ? "✓" : index === here ? "▶" : " ";
    return `${sign} ${String(index + 1).padStart(width)}  ${neutralText(text)}`;
  });
  return lines.join("\n");
}

function mountLines(pid: number): string {
  const lines = readMounts(new HostFiles(), pid).map(
    ({ point, type, source, options }) => `${point}  ${type} ${source} ${options.join(",")}`,
  );
  return lines.map(neutralText).join("\n");
}

const STATUS_FIELDS = [
  "State",
  "Uid",
  "Gid",
  "Groups",
  "CapEff",
  "CapBnd",
  "NoNewPrivs",
  "Seccomp",
];
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

function processLines(pid: number): string {
  const files = new HostFiles();
  const status = readStatus(files, pid);
  const lines = STATUS_FIELDS.map((name) => `${name.padEnd(12)} ${status.get(name) ?? ""}`);
  for (const name of NAMESPACES) {
    const mine = files.link(`/proc/self/ns/${name}`);
    const other = files.link(`/proc/${pid}/ns/${name}`);
    const whose = mine === other ? "the host's" : (other ?? "?");
    lines.push(`${`${name} ns`.padEnd(12)} ${whose}`);
  }
  lines.push(...(files.read(`/proc/${pid}/cgroup`) ?? "").trim().split("\n"));
  lines.push(`root         ${files.link(`/proc/${pid}/root`) ?? "?"}`);
  return lines.map(neutralText).join("\n");
}

/** One line, byte by byte: what follows it may be for the shell. Undefined at the end of input. */
function readLine(): string | undefined {
  const bytes: number[] = [];
  const one = Buffer.alloc(1);
  while (bytes.length < MAX_LINE_BYTES) {
    if (readSync(0, one, 0, 1, null) === 0) return bytes.length > 0 ? text(bytes) : undefined;
    if (one[0] === 0x0a) break;
    bytes.push(one[0]!);
  }
  return text(bytes);
}

function text(bytes: number[]): string {
  return Buffer.from(bytes).toString("utf8");
}
