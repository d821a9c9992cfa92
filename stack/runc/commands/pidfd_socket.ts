import { SOCK, sendWithFds } from "#lib/linux/descriptor.ts";
import { closeFile } from "#lib/linux/file.ts";
import { pidfdOpen } from "#lib/linux/process.ts";
import { connectUnix } from "#lib/linux/socket.ts";
import { refuse } from "./command_failure.ts";

/**
 * What accompanies the descriptor, as runc sends it: the container's first process, or an exec's.
 */
const NAMES = { init: "standard", exec: "setns" } as const;

/**
 * Sends a process's pidfd to the unix socket that a caller named (`--pidfd-socket`): with it the
 * caller waits for and signals that very process, whatever becomes of its number.
 */
export function sendPidfd(path: string, pid: number, kind: keyof typeof NAMES): void {
  let pidfd = -1;
  let socket = -1;
  try {
    pidfd = pidfdOpen(pid);
    socket = connectUnix(SOCK.STREAM, path);
    sendWithFds(socket, Buffer.from(NAMES[kind]), [pidfd]);
  } catch (error) {
    throw refuse(
      "pidfd",
      `sending the pidfd to ${path}: ${(error as Error).message}`,
      "unavailable",
    );
  } finally {
    for (const fd of [pidfd, socket]) if (fd >= 0) closeFile(fd);
  }
}
