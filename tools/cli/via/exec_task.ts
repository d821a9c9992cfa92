import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import {
  type FifoPaths,
  fifoPaths,
  makeFifos,
  openForReading,
  openForWriting,
  removeFifos,
} from "#stack/dockerd/io/fifo_set.ts";
import type { ExecFlags } from "../commands/exec.ts";
import { relayInput, writeAll } from "../io/relay_streams.ts";
import { LentTerminal } from "../io/terminal.ts";
import { type ExecTarget, resolveUser } from "./find_target.ts";
import { containerdCalls, shimCalls, type TaskCalls } from "./task_calls.ts";

/**
 * `exec --via containerd` and `--via shim`: a process in a task, its streams FIFOs of ours.
 * Returns the program's exit code. Rejects when it cannot be started, with nothing left behind.
 */
export async function execViaTask(
  target: ExecTarget,
  command: string[],
  flags: ExecFlags,
  context: CallContext,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "catena-exec-"));
  let calls: TaskCalls | undefined;
  try {
    calls = await connectCalls(target, flags, context);
    const stdin = flags.interactive === true && flags.detach !== true;
    const terminal = flags.tty === true;
    const io = fifoPaths(join(folder, "io"), { stdin, terminal });
    makeFifos(join(folder, "io"), io);
    return await perform(calls, processOf(target, command, flags), io, flags);
  } finally {
    calls?.close();
    removeFifos(folder);
  }
}

function connectCalls(
  target: ExecTarget,
  flags: ExecFlags,
  context: CallContext,
): TaskCalls | Promise<TaskCalls> {
  const execId = `catena-${randomBytes(8).toString("hex")}`;
  const whole: CallContext = { ...context, namespace: target.namespace };
  const socket = flags.via === "shim" ? target.shimSocket : target.containerdSocket;
  if (socket === undefined) {
    const message = `no ${flags.via} socket is known for ${target.id}`;
    throw failure({ layer: "cli", op: "exec", code: "not_found", message });
  }
  return flags.via === "shim"
    ? shimCalls(socket, target.id, execId, whole)
    : containerdCalls(socket, target.id, execId, whole);
}

async function perform(
  calls: TaskCalls,
  process: Record<string, unknown>,
  io: FifoPaths,
  flags: ExecFlags,
): Promise<number> {
  const outputs = [
    { path: io.stdout, to: globalThis.process.stdout },
    { path: io.stderr, to: globalThis.process.stderr },
  ].filter(({ path }) => path !== "");
  const readers = outputs.map(({ path, to }) => ({ ...openForReading(path), to }));
  const terminal = flags.tty && globalThis.process.stdin.isTTY ? new LentTerminal() : undefined;
  let input: { stop(): void } | undefined;
  try {
    await calls.exec(process, { ...io, terminal: flags.tty === true });
    const ended = calls.wait();
    await startOrRemove(calls, ended);
    for (const { holder } of readers) closeSync(holder);
    if (flags.detach) {
      ended.catch(() => undefined);
      for (const { fd } of readers) closeSync(fd);
      return 0;
    }
    const copies = readers.map(({ fd, to }) => copyFifo(fd, to));
    if (io.stdin !== "") input = feed(calls, io.stdin);
    terminal?.follow(({ height, width }) => {
      calls.resize(height, width).catch(() => undefined);
    });
    const code = await ended;
    await Promise.all(copies);
    await removeEnded(calls);
    return code;
  } finally {
    input?.stop();
    terminal?.restore();
  }
}

/** A dockerd above deletes every process that it sees end, also those that it did not start. */
async function removeEnded(calls: TaskCalls): Promise<void> {
  try {
    await calls.remove();
  } catch (error) {
    if (!(error instanceof ChainError) || error.outer.code !== "not_found") throw error;
  }
}

/** A process that did not start is taken back, or its id would stay with the shim. */
async function startOrRemove(calls: TaskCalls, ended: Promise<number>): Promise<void> {
  try {
    await calls.start();
  } catch (error) {
    ended.catch(() => undefined);
    await calls.remove().catch(() => undefined);
    throw error;
  }
}

/** Until the last writer has gone: the shim closes its end when the process and its heirs ended. */
async function copyFifo(fd: number, to: NodeJS.WriteStream): Promise<void> {
  for await (const bytes of Bun.file(fd).stream()) await writeAll(to, bytes);
}

function feed(calls: TaskCalls, path: string): { stop(): void } {
  const fd = openForWriting(path);
  return relayInput({
    write: (data) => writeFifo(fd, data),
    end: async () => {
      closeSync(fd);
      await calls.closeInput();
    },
  });
}

const FULL_PAUSE_MS = 5;

/** The FIFO does not block us: while it is full we wait for its reader. */
async function writeFifo(fd: number, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(fd, data, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await Bun.sleep(FULL_PAUSE_MS);
    }
  }
}

/** The container's own process object with what the flags change, as `ctr tasks exec` does it. */
function processOf(
  target: ExecTarget,
  command: string[],
  flags: ExecFlags,
): Record<string, unknown> {
  const env = Array.isArray(target.process["env"]) ? target.process["env"] : [];
  const process: Record<string, unknown> = {
    cwd: "/",
    user: { uid: 0, gid: 0 },
    ...target.process,
    args: command,
    terminal: flags.tty === true,
    env: [...env, ...(flags.tty ? ["TERM=xterm"] : []), ...flags.env],
  };
  if (flags.user !== undefined) process["user"] = resolveUser(target, flags.user);
  if (flags.workdir !== undefined) process["cwd"] = flags.workdir;
  return process;
}
