import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import { parseListeningSockets } from "#lib/linux/listening_sockets.ts";
import { endsWithin } from "#lib/wait/work_within.ts";

/** A shim that is well has long answered; one that is slow is left alone: only a stop is proof. */
const LOOK_EVERY_MS = 4000;

/**
 * Waits for a shim's answer for as long as it may still come: rejects when the shim behind `socket`
 * is found stopped. `late` undoes what the shim does when it goes on after all.
 */
export async function answerOfShim<T>(
  socket: string,
  asked: Promise<T>,
  late: () => Promise<unknown>,
): Promise<T> {
  while (!(await endsWithin(asked, LOOK_EVERY_MS))) {
    const stopped = stoppedListener(socket);
    if (!stopped) continue;
    asked.then(late).catch(() => undefined);
    throw stopped;
  }
  return await asked;
}

function stoppedListener(socket: string): ChainError | undefined {
  const pid = listenerOf(socket);
  const state = pid === undefined ? undefined : stateOf(pid);
  if (state !== "T" && state !== "t") return undefined;
  return failure({
    layer: "shim",
    op: "answer",
    code: "deadline_exceeded",
    message: "the shim does not answer",
    causeId: "shim-hung",
    cause: `the shim, process ${pid}, is stopped`,
    fix: `kill -CONT ${pid}; if it stops again, find who stops it`,
    evidence: [{ kind: "path", value: `State: ${state}`, ref: `/proc/${pid}/status` }],
  });
}

/** The process that listens on a unix socket. */
function listenerOf(path: string): number | undefined {
  const inode = parseListeningSockets(readAny("/proc/net/unix")).get(path);
  if (inode === undefined) return undefined;
  for (const entry of list("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    for (const fd of list(`/proc/${entry}/fd`)) {
      if (linkOf(`/proc/${entry}/fd/${fd}`) === `socket:[${inode}]`) return Number(entry);
    }
  }
  return undefined;
}

function stateOf(pid: number): string | undefined {
  return readAny(`/proc/${pid}/stat`).split(") ").at(-1)?.[0];
}

function readAny(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It ended meanwhile.
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
