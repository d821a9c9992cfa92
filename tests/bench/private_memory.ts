import { readFileSync } from "node:fs";

/** Private_Clean, Private_Dirty and Private_Hugetlb of a process, in kB; 0 when it is gone. */
export function privateKb(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  } catch {
    return 0;
  }
  const values = [...text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return values.reduce((total, value) => total + value, 0);
}
