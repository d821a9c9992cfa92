import { POLL, poll } from "./descriptor.ts";
import { nativeAddon } from "./native_addon.ts";

interface ProcessCalls {
  startProcess(
    path: string,
    execFd: number,
    argv: readonly string[],
    env: readonly string[],
    mapping: number[],
    cwd: string | null,
  ): number;
  waitProcess(pid: number, options: number): number | undefined;
  pidfdOpen(pid: number): number;
  sealedMemory(name: string, bytes: Buffer | null, path: string | null): number;
  writeAt(fd: number, bytes: Buffer): void;
  readAt(fd: number, bytes: Buffer): number;
  startWatching(callback: (token: number) => void): void;
  watchReadable(fd: number, token: number): void;
  unwatch(fd: number): void;
  holdLoop(hold: boolean): void;
}

/** What a process is started with. */
export interface ProcessStart {
  path: string;
  /** Executed instead of `path` when set. */
  executableFd?: number;
  argv: readonly string[];
  /** NAME=value. */
  env: readonly string[];
  /** The child sees `fd` as number `as`; all else that is close-on-exec is gone. */
  fds: readonly { fd: number; as: number }[];
  cwd?: string;
}

const WNOHANG = 1;
const calls = () => nativeAddon<ProcessCalls>();

/**
 * Starts a process by vfork and execve: quicker than Bun.spawn, and with exact descriptors. Signal
 * dispositions are the defaults, the mask is empty. Throws a system error when execve fails.
 */
export function startProcess(start: ProcessStart): number {
  const mapping: number[] = [];
  for (const { fd, as } of start.fds) mapping.push(fd, as);
  return calls().startProcess(
    start.path,
    start.executableFd ?? -1,
    start.argv,
    start.env,
    mapping,
    start.cwd ?? null,
  );
}

/** The wait(2) status of a child that ended, which reaps it; undefined while it runs. */
export const reapProcess = (pid: number) => calls().waitProcess(pid, WNOHANG);
/** pidfd_open(2): readable when the process ended. Close-on-exec. */
export const pidfdOpen = (pid: number) => calls().pidfdOpen(pid);

/** A memory file with these bytes that nobody can change, opened for reading. */
export const sealedBytes = (name: string, bytes: Buffer) => calls().sealedMemory(name, bytes, null);
/** The same with a file's content: what is executed from it cannot be replaced on disk. */
export const sealedCopy = (name: string, path: string) => calls().sealedMemory(name, null, path);
/** Writes bytes at the start of a file. */
export const writeAtStart = (fd: number, bytes: Buffer) => calls().writeAt(fd, bytes);
/** Fills `bytes` from the start of a file; returns how many there were. */
export const readAtStart = (fd: number, bytes: Buffer) => calls().readAt(fd, bytes);

const waiting = new Map<number, () => void>();
let lastToken = 0;

/**
 * Waits until a descriptor is readable or its other end closed. False when `timeoutMs` passed
 * first.
 * With `blockMs`, this thread waits that long before the event loop takes over: quicker in a
 * command that has nothing else to do.
 */
export function awaitReadable(fd: number, timeoutMs: number, blockMs = 0): Promise<boolean> {
  if (blockReadable(fd, blockMs)) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const token = ++lastToken;
    const finish = (readable: boolean) => {
      clearTimeout(timer);
      if (!waiting.delete(token)) return;
      if (waiting.size === 0) calls().holdLoop(false);
      calls().unwatch(fd);
      resolve(readable);
    };
    const timer = setTimeout(finish, timeoutMs, false);
    try {
      calls().startWatching((ended) => waiting.get(ended)?.());
      if (waiting.size === 0) calls().holdLoop(true);
      waiting.set(token, () => finish(true));
      calls().watchReadable(fd, token);
    } catch (error) {
      clearTimeout(timer);
      waiting.delete(token);
      reject(error);
    }
  });
}

/** A signal (a child's end) interrupts poll: it goes on for what is left of the time. */
function blockReadable(fd: number, blockMs: number): boolean {
  const endsAt = performance.now() + blockMs;
  for (let left = blockMs; ; left = Math.ceil(endsAt - performance.now())) {
    const [ready] = poll([fd, POLL.IN], Math.max(left, 0));
    if (ready) return true;
    if (left <= 0) return false;
  }
}

/** Waits for a child's end and reaps it; `blockMs` as above. Returns its wait(2) status. */
export async function awaitProcess(pid: number, blockMs = 0): Promise<number> {
  const ended = reapProcess(pid);
  if (ended !== undefined) return ended;
  const pidfd = pidfdOpen(pid);
  const { closeFile } = require("./file.ts") as typeof import("./file.ts");
  try {
    for (;;) {
      await awaitReadable(pidfd, 2 ** 30, blockMs);
      const status = reapProcess(pid);
      if (status !== undefined) return status;
    }
  } finally {
    closeFile(pidfd);
  }
}
