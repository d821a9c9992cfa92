import { closeSync, constants, fchownSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { descriptorCause } from "#lib/errors/descriptor_cause.ts";
import { pipe } from "#lib/linux/socket.ts";
import { ROLE } from "../keeping/keeper_protocol.ts";
import { type LoggerProgram, parseLogger } from "./log_program.ts";

/** Where a process's streams go, as the request named them. */
export interface Stdio {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** Descriptors to hand to the keeper, and the logger to start before the process. */
export interface OpenedStreams {
  streams: (readonly [number, number])[];
  /** The keeper copies: the process's delete waits until it has. */
  copied: boolean;
  logger?: LoggerProgram & { stdout: number; stderr: number };
}

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;

/**
 * Opens the streams of one process: both ends of each FIFO, so that no open ever waits and a client
 * may vanish and return. The keeper gets all of it; nothing stays open here. Unwinds on failure.
 */
export function openStreams(stdio: Stdio, owner: { uid: number; gid: number }): OpenedStreams {
  const opening = new StreamOpening(owner);
  try {
    return stdio.terminal ? opening.terminal(stdio) : opening.plain(stdio);
  } catch (thrown) {
    opening.undo();
    const error = toChainError(thrown, "shim", "open streams");
    throw error.wrap({
      layer: "shim",
      op: "open streams",
      code: error.outer.code,
      message: "failed to create init process I/O",
      ...descriptorCause(error, "shim"),
      evidence: [stdio.stdin, stdio.stdout, stdio.stderr]
        .filter((path) => path !== "")
        .map((path) => ({ kind: "path", value: "stream", ref: path })),
    });
  }
}

class StreamOpening {
  readonly #opened: OpenedStreams = { streams: [], copied: false };
  readonly #owner: { uid: number; gid: number };

  constructor(owner: { uid: number; gid: number }) {
    this.#owner = owner;
  }

  /** The process has its own ends: it reads and writes the FIFOs themselves. */
  plain(stdio: Stdio): OpenedStreams {
    if (stdio.stdin !== "") this.#input(stdio.stdin, ROLE.IN);
    const logger = parseLogger(stdio.stdout);
    if (logger) {
      const stdout = this.#pipeFor(ROLE.OUT);
      const stderr = this.#pipeFor(ROLE.ERR);
      this.#opened.logger = { ...logger, stdout, stderr };
      return this.#opened;
    }
    if (stdio.stdout !== "") {
      this.#output(stdio.stdout, ROLE.OUT, ROLE.OUT_HOLD, ROLE.OUT_FROM, ROLE.OUT_TO);
    }
    if (stdio.stderr !== "") {
      this.#output(stdio.stderr, ROLE.ERR, ROLE.ERR_HOLD, ROLE.ALT_FROM, ROLE.ALT_TO);
    }
    return this.#opened;
  }

  /** The process has a terminal; its master is copied from and to the FIFOs. */
  terminal(stdio: Stdio): OpenedStreams {
    if (stdio.stdin !== "") this.#input(stdio.stdin, ROLE.ALT_FROM);
    // A terminal whose output goes nowhere must still be read, or its process would block.
    const target = stdio.stdout === "" ? "/dev/null" : stdio.stdout;
    const path = filePath(target);
    if (path !== undefined) this.#add(ROLE.OUT_TO, openLog(path));
    else if (isFifo(target)) this.#writer(target, ROLE.OUT_TO, ROLE.OUT_HOLD);
    else this.#add(ROLE.OUT_TO, openSync(target, O_WRONLY | O_APPEND));
    this.#opened.copied = true;
    return this.#opened;
  }

  undo(): void {
    const { streams, logger } = this.#opened;
    for (const [, fd] of streams) closeSync(fd);
    if (logger) for (const fd of [logger.stdout, logger.stderr]) closeSync(fd);
  }

  #add(role: number, fd: number): void {
    this.#opened.streams.push([role, fd]);
  }

  /** A reading end without O_NONBLOCK, and the writing end that keeps it from ending. */
  #input(path: string, role: number): void {
    const plainPath = fifoPath(path);
    const first = openSync(plainPath, O_RDONLY | O_NONBLOCK);
    try {
      this.#add(ROLE.IN_HOLD, openSync(plainPath, O_WRONLY));
      this.#add(role, openSync(plainPath, O_RDONLY));
    } finally {
      closeSync(first);
    }
  }

  #output(uri: string, role: number, hold: number, from: number, to: number): void {
    const path = filePath(uri);
    if (path === undefined && isFifo(uri)) {
      this.#writer(uri, role, hold);
      return;
    }
    // A file must not be the process's own: a runtime would give it to the container's user.
    this.#add(to, path === undefined ? openSync(uri, O_WRONLY | O_APPEND) : openLog(path));
    this.#add(from, this.#pipeFor(role));
    this.#opened.copied = true;
  }

  #writer(uri: string, role: number, hold: number): void {
    const path = fifoPath(uri);
    this.#add(hold, openSync(path, O_RDONLY | O_NONBLOCK));
    this.#add(role, openSync(path, O_WRONLY));
  }

  /** A pipe whose writing end is the process's; returns the reading end. */
  #pipeFor(role: number): number {
    const [reading, writing] = pipe();
    this.#add(role, writing);
    if (this.#owner.uid !== 0 || this.#owner.gid !== 0) {
      fchownSync(writing, this.#owner.uid, this.#owner.gid);
    }
    return reading;
  }
}

/** The path of a `file://` address; undefined for anything else. */
function filePath(uri: string): string | undefined {
  return uri.startsWith("file://") ? decodeURIComponent(new URL(uri).pathname) : undefined;
}

function fifoPath(uri: string): string {
  if (uri.startsWith("fifo://")) return decodeURIComponent(new URL(uri).pathname);
  const scheme = uri.match(/^([a-z][a-z0-9+.-]*):\/\//)?.[1];
  if (scheme === undefined) return uri;
  throw failure({
    layer: "shim",
    op: "open streams",
    code: "invalid_argument",
    message: `unknown STDIO scheme ${scheme}`,
  });
}

function isFifo(uri: string): boolean {
  return statSync(fifoPath(uri)).isFIFO();
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT, 0o644);
}
