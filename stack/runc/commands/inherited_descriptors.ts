import { readTextIfAny } from "#lib/linux/file.ts";
import { refuse } from "./command_failure.ts";

const O_CLOEXEC = 0o2000000;
const FIRST = 3;

/**
 * Whether a descriptor was given to us by our parent. Only those are without close-on-exec: the
 * engine's own have it, and must never reach a container.
 */
function isInherited(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readTextIfAny(`/proc/self/fdinfo/${fd}`) ?? "");
  return flags !== null && (Number.parseInt(flags[1]!, 8) & O_CLOEXEC) === 0;
}

/** How many descriptors socket activation gave to this very process. */
export function listenDescriptors(env: NodeJS.ProcessEnv = process.env): number {
  const count = Number(env["LISTEN_FDS"] ?? "0");
  const forUs = Number(env["LISTEN_PID"] ?? "0") === process.pid;
  return forUs && Number.isInteger(count) && count > 0 && count < 1024 ? count : 0;
}

/**
 * The number of descriptors from 3 on that a process gets: those of socket activation, then
 * `--preserve-fds`. Refuses a number that our parent did not give, in runc's words.
 */
export function preservedDescriptors(listen: number, preserve: number): number {
  for (let index = 0; index < preserve; index++) {
    if (isInherited(FIRST + listen + index)) continue;
    throw refuse(
      "preserve descriptors",
      `unable to stat preserved-fd ${index} (of ${preserve}): ` +
        `stat /proc/self/fd/${FIRST + listen + index}: no such file or directory`,
      "invalid_argument",
    );
  }
  return listen + preserve;
}
