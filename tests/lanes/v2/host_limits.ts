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

/** Forks until nothing is left, says so, and takes what comes free, until it is ended. */
const FILLER = `
  $SIG{CHLD} = "IGNORE";
  $| = 1;
  my $told = 0;
  for (;;) {
    my $pid = fork();
    if (defined $pid) { if ($pid == 0) { close(STDOUT); sleep 1000; exit } next }
    if (!$told) { print "full"; $told = 1 }
    select(undef, undef, undef, 0.01);
  }`;

/** No process id is left while `work` runs; what comes free is taken at once. */
export async function withoutPids(work: () => Promise<void>): Promise<void> {
  await withSysctl("pid_max", PID_MAX, async () => {
    // A session of its own: it is ended with all its children. No thread of ours is needed for it.
    const filler = Bun.spawn(["perl", "-e", FILLER], { detached: true, stdout: "pipe" });
    try {
      await filler.stdout.getReader().read();
      await work();
    } finally {
      process.kill(-filler.pid, "SIGKILL");
      await filler.exited;
    }
  });
}

/** No memory cgroup can be made while `work` runs: those below `name` have all ids. */
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
