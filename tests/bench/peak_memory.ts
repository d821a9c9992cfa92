import { readFileSync, writeFileSync } from "node:fs";

/** Told to the kernel: the highest resident size begins anew. See proc(5), clear_refs. */
const RESET_PEAK = "5";

/** Runs `work` and returns the highest resident size that processes had meanwhile, in kB. */
export async function peakKb(pids: number[], work: () => Promise<void>): Promise<number> {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
  await work();
  return pids.reduce((total, pid) => total + highWaterKb(pid), 0);
}

function highWaterKb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1] ?? 0);
}
