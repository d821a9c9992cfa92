import { listFolder, readTextIfAny } from "#lib/linux/file.ts";

/** The process with most threads of a cgroup, and the name that most of its processes have. */
export interface ThreadHolder {
  pid: number;
  name: string;
  threads: number;
  /** How many processes have the commonest name, and which it is. */
  crowd: { name: string; count: number };
}

const MAX_PROCESSES = 4_096;
const MAX_DEPTH = 8;

/** Who uses up a pids cgroup. Undefined when nobody is in it. */
export function threadHolder(folder: string): ThreadHolder | undefined {
  let most: { pid: number; name: string; threads: number } | undefined;
  const counts = new Map<string, number>();
  for (const pid of processesBelow(folder, 0).slice(0, MAX_PROCESSES)) {
    const status = readTextIfAny(`/proc/${pid}/status`) ?? "";
    const name = /^Name:\s*(.*)$/m.exec(status)?.[1];
    const threads = Number(/^Threads:\s*(\d+)$/m.exec(status)?.[1]);
    if (name === undefined || !Number.isInteger(threads)) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!most || threads > most.threads) most = { pid, name, threads };
  }
  const commonest = [...counts].sort((a, b) => b[1] - a[1])[0];
  return most && commonest && { ...most, crowd: { name: commonest[0], count: commonest[1] } };
}

function processesBelow(folder: string, depth: number): number[] {
  const pids = (readTextIfAny(`${folder}/cgroup.procs`) ?? "").split("\n").filter((line) => line);
  if (depth >= MAX_DEPTH) return pids.map(Number);
  const below = listFolder(folder)
    .filter(({ isFolder }) => isFolder)
    .flatMap(({ name }) => processesBelow(`${folder}/${name}`, depth + 1));
  return [...pids.map(Number), ...below];
}
