import type { HostFiles } from "./host_files.ts";
import { readProcess, readStatus } from "./process_table.ts";

const LOOKS = 4;
const PAUSE_MS = 60;
/** Looks take time: of a host full of waiting processes only so many are looked at again. */
const MAX_SETTLED = 20;

const settled = new WeakMap<HostFiles, number>();

/**
 * The state of a process that was seen as `state`. "D" is also how a short wait for a disk looks:
 * it stays "D" only for one that was so at each of several looks and was not scheduled between.
 */
export function settledState(files: HostFiles, pid: number, state: string): string {
  if (state !== "D") return state;
  const count = settled.get(files) ?? 0;
  if (count >= MAX_SETTLED) return state;
  settled.set(files, count + 1);
  const before = switches(files, pid);
  for (let look = 0; look < LOOKS; look++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    const now = readProcess(files, pid)?.state;
    if (now !== "D") return now ?? "X";
    if (switches(files, pid) !== before) return "S";
  }
  return state;
}

/** How often it has gone to sleep by itself. */
function switches(files: HostFiles, pid: number): string | undefined {
  return readStatus(files, pid).get("voluntary_ctxt_switches");
}
