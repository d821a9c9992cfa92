import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A container of a made-up host. */
export interface MadeUpContainer {
  threads: number;
  pidsMax: string;
  memoryBytes: number;
  memoryMax: string;
  process: string;
  descriptors: number;
}

const ID_DIGITS = 64;
const FIRST_PID = 1000;
const DEFAULTS: MadeUpContainer = {
  threads: 1,
  pidsMax: "max",
  memoryBytes: 1024 * 1024,
  memoryMax: "max",
  process: "app",
  descriptors: 3,
};

/** A host in a folder, with cgroup v2 as systemd lays it out, for what reads /proc and cgroups. */
export class MadeUpHost {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    this.write("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    this.write("/proc/loadavg", "0.50 0.40 0.30 1/321 999\n");
    this.write("/proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable:   4000000 kB\n");
    this.write("/proc/sys/kernel/threads-max", "10000\n");
    this.write("/proc/sys/fs/file-nr", "500\t0\t1000\n");
  }

  write(path: string, text: string): void {
    const full = join(this.folder, path);
    mkdirSync(join(full, ".."), { recursive: true });
    writeFileSync(full, text);
  }

  /** The id of the container with this number. */
  static id(index: number): string {
    return index.toString(16).padStart(ID_DIGITS, "0");
  }

  /** Where the container with this number is counted. */
  static cgroup(index: number, slice = "system.slice"): string {
    return `/sys/fs/cgroup/${slice}/docker-${MadeUpHost.id(index)}.scope`;
  }

  /** Makes a container with one process, or changes what is said of it. */
  container(index: number, part: Partial<MadeUpContainer> = {}, slice = "system.slice"): void {
    const about = { ...DEFAULTS, ...part };
    const folder = MadeUpHost.cgroup(index, slice);
    const pid = FIRST_PID + index;
    this.write(`${folder}/pids.current`, `${about.threads}\n`);
    this.write(`${folder}/pids.max`, `${about.pidsMax}\n`);
    this.write(`${folder}/pids.events`, "max 0\n");
    this.write(`${folder}/memory.current`, `${about.memoryBytes}\n`);
    this.write(`${folder}/memory.max`, `${about.memoryMax}\n`);
    this.write(`${folder}/memory.events`, "low 0\noom 0\noom_kill 0\n");
    this.write(`${folder}/memory.stat`, "anon 4096\ninactive_file 4096\n");
    this.write(`${folder}/cpu.stat`, "usage_usec 2500000\nnr_throttled 7\n");
    this.write(`${folder}/cpu.max`, "50000 100000\n");
    this.write(`${folder}/cgroup.procs`, `${pid}\n`);
    // State S, then fields up to the number of threads and the start time.
    const fields = `S 1 ${"0 ".repeat(15)}${about.threads} 0 100`;
    this.write(`/proc/${pid}/stat`, `${pid} (${about.process}) ${fields}\n`);
    this.write(`/proc/${pid}/limits`, "Max open files            1024       4096       files\n");
    for (let fd = 0; fd < about.descriptors; fd++) this.write(`/proc/${pid}/fd/${fd}`, "");
  }
}

/** A Docker API that only tells its containers' names. */
export function serveNames(socket: string, names: Map<string, string>): Bun.Server<undefined> {
  const list = [...names].map(([id, name]) => {
    return { Id: id, Names: [`/${name}`], Image: "made-up", State: "running" };
  });
  return Bun.serve({
    unix: socket,
    fetch: (request) =>
      request.url.endsWith("/containers/json")
        ? Response.json(list)
        : new Response("", { status: 404 }),
  });
}
