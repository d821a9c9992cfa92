import { receiveWithFds, SOCK, socketpair } from "#lib/linux/descriptor.ts";
import { closeFile } from "#lib/linux/file.ts";
import {
  clearOutputNewline,
  foregroundPrepare,
  foregroundWait,
  requireTerminal,
} from "#lib/linux/foreground.ts";
import { refuse } from "./command_failure.ts";

/**
 * A command that stays until its process ends: signals reach the process, a terminal is relayed to
 * ours, the exit code is the process's.
 */
export class ForegroundSession {
  #pair: [number, number] | undefined;

  /** Signals are kept from here on. With a terminal, ours must be there to be relayed. */
  constructor(terminal: boolean, subreaper: boolean) {
    if (terminal) {
      requireTerminal();
      this.#pair = socketpair(SOCK.STREAM);
    }
    foregroundPrepare(subreaper);
  }

  /** The socket on which init sends the terminal's master. */
  get consoleSocketFd(): number | undefined {
    return this.#pair?.[1];
  }

  /**
   * Waits for the process, and for its READY if it has a socket for that. Returns its exit code.
   */
  wait(pid: number, notify?: { fd: number; host: string }): number {
    if (!this.#pair) return foregroundWait(pid, -1, notify);
    const master = this.#receiveMaster();
    this.close();
    clearOutputNewline(master);
    return foregroundWait(pid, master, notify);
  }

  #receiveMaster(): number {
    const { fds } = receiveWithFds(this.#pair![0], Buffer.alloc(4096));
    const master = fds[0];
    if (master === undefined) throw refuse("terminal", "no terminal was received", "internal");
    return master;
  }

  /** Closes the sockets; harmless when it was done. */
  close(): void {
    for (const fd of this.#pair ?? []) closeFile(fd);
    this.#pair = undefined;
  }
}
