import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

// What a whole host runs out of, and has again afterwards: only on a machine that is thrown away.

/** The kernel gives ids below 300 out once only; those in use are left to who has them. */
export const RESERVED_PIDS = 300;
/** Enough for the ids in use to lie close to the limit, so that few more are needed. */
export const PID_MAX = 800;
/** Threads that end meanwhile leave no room either. */
const THREADS_ABOVE = 5;
/** The kernel numbers memory cgroups with 16 bits. */
const CGROUP_IDS = 65_535;
/** So many are made at a stretch. */
const STRETCH = 200;

/** Threads and processes of the host. */
export const threads = () => Number(/\/(\d+) /.exec(readFileSync("/proc/loadavg", "utf8"))![1]);

/** Sets a sysctl of the kernel while `work` runs. */
export async function withSysctl(
  name: string,
  value: number,
  work: () => Promise<void>,
): Promise<void> {
  const path = `/proc/sys/kernel/${name}`;
  const before = readFileSync(path, "utf8");
  writeFileSync(path, String(value));
  try {
    await work();
  } finally {
    writeFileSync(path, before);
  }
}

/** No process of the host can start a thread or a process while `work` runs. */
export function withoutThreads(work: () => Promise<void>): Promise<void> {
  return withSysctl("threads-max", threads() - THREADS_ABOVE, work);
}

/**
 * No process id is left while `work` runs. Ids come free while daemons end their threads: `work`
 * gets what takes these, too.
 */
export async function withoutPids(work: (fill: () => void) => Promise<void>): Promise<void> {
  const sleepers: Bun.Subprocess[] = [];
  const fill = () => {
    try {
      while (sleepers.length < PID_MAX) sleepers.push(Bun.spawn(["sleep", "1000"]));
    } catch {
      // None is left.
    }
  };
  try {
    await withSysctl("pid_max", PID_MAX, () => {
      fill();
      return work(fill);
    });
  } finally {
    for (const one of sleepers) one.kill();
    await Promise.all(sleepers.map(({ exited }) => exited));
  }
}

/** No memory cgroup can be made any more while `work` runs; `name` is of those that take the ids. */
export async function withoutCgroupIds(name: string, work: () => Promise<void>): Promise<void> {
  const parent = `/sys/fs/cgroup/${name}`;
  mkdirSync(parent);
  writeFileSync(`${parent}/cgroup.subtree_control`, "+memory");
  try {
    for (let made = 0; made < CGROUP_IDS; made++) {
      if (made % STRETCH === 0) await Bun.sleep(0);
      try {
        mkdirSync(`${parent}/${made}`);
      } catch (error) {
        if ((error as { code?: string }).code !== "ENOSPC") throw error;
        break;
      }
    }
    await work();
  } finally {
    for (const child of readdirSync(parent, { withFileTypes: true })) {
      if (child.isDirectory()) rmdirSync(`${parent}/${child.name}`);
    }
    rmdirSync(parent);
  }
}
