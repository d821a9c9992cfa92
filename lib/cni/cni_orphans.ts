import { readdirSync, readFileSync } from "node:fs";

/** A plugin gives up by itself after the locks that it waits for; longer than this, it hangs. */
const LIMIT_MS = 30_000;
const STEP_MS = 50;

/**
 * Waits until no plugin works for a container any more: those of a daemon that was killed run on,
 * and what they still make would be left after a deletion that comes before their end.
 */
export async function cniPluginsEnded(containerId: string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (worksFor(containerId) && Date.now() < deadline) await Bun.sleep(STEP_MS);
}

function worksFor(containerId: string): boolean {
  const wanted = `CNI_CONTAINERID=${containerId}`;
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const variables = readFileSync(`/proc/${name}/environ`, "latin1").split("\0");
      if (variables.includes(wanted)) return true;
    } catch {
      // It ended, or is not ours to read.
    }
  }
  return false;
}
