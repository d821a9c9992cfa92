import { readLink } from "#lib/linux/file.ts";
import { refuse } from "./command_failure.ts";

const FIRST = 3;

/**
 * Whether a descriptor was given to us by our parent. The engine sets close-on-exec on every one at
 * its start, so that does not tell; its own are an epoll instance and an eventfd, and must never
 * reach a container. Beside them only our own log is open when this is asked.
 */
function isInherited(fd: number, ownLog: number): boolean {
  if (fd === ownLog) return false;
  try {
    return !/^anon_inode:\[event(poll|fd)\]$/.test(readLink(`/proc/self/fd/${fd}`));
  } catch {
    return false;
  }
}

/** How many descriptors socket activation gave to this very process. */
export function listenDescriptors(env: NodeJS.ProcessEnv = process.env): number {
  const count = Number(env["LISTEN_FDS"] ?? "0");
  const forUs = Number(env["LISTEN_PID"] ?? "0") === process.pid;
  return forUs && Number.isInteger(count) && count > 0 && count < 1024 ? count : 0;
}

/**
 * The number of descriptors from 3 on that a process gets: those of socket activation, then
 * `--preserve-fds`. Refuses a number that our parent did not give, in runc's words; a negative one
 * is none.
 */
export function preservedDescriptors(listen: number, preserve: number, ownLog: number): number {
  for (let index = 0; index < preserve; index++) {
    if (isInherited(FIRST + listen + index, ownLog)) continue;
    throw refuse(
      "preserve descriptors",
      `unable to stat preserved-fd ${index} (of ${preserve}): ` +
        `stat /proc/self/fd/${FIRST + listen + index}: no such file or directory`,
      "invalid_argument",
    );
  }
  return listen + Math.max(preserve, 0);
}
