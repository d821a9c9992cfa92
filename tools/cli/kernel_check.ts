import { release } from "node:os";
import { kernelGaps, LEAST_KERNEL } from "#lib/linux/kernel_release.ts";
import type { Log } from "#lib/log/log.ts";

/**
 * Tells a daemon's log, at its start, what this kernel lacks. It serves all the same: state, logs
 * and images are there, and a distribution may have taken back what its release does not show.
 */
export function logKernelGaps(log: Log, kernel: string = release()): void {
  for (const { since, needed, effect } of kernelGaps(kernel)) {
    const message = `the kernel is older than ${since}: ${effect}`;
    if (needed) log.error(message, { kernel, fix: `boot Linux ${LEAST_KERNEL} or newer` });
    else log.warn(message, { kernel });
  }
}
