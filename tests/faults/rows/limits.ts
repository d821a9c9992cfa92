import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { BOTH, type FaultRow, GENUINE_ONLY, patient } from "../fault_row.ts";
import type { FaultStack } from "../fault_stack.ts";

const SLEEPERS = "for i in $(seq 1 29); do sleep 100000 & done; wait";
const MAX_TRIES = 40;

/** A container with 30 processes, all of them counted before the row goes on. */
async function crowd(stack: FaultStack, limit: number, flags: string[] = []): Promise<string> {
  const name = await stack.run(["--pids-limit", String(limit), ...flags], ["sh", "-c", SLEEPERS]);
  await waitUntil(`${name} holds 30 processes`, async () => {
    const lines = (await stack.must("top", name, "-o", "pid")).split("\n");
    return lines.length >= 31;
  });
  return name;
}

export const pidsCgroupFull: FaultRow = {
  id: "pids-cgroup-full",
  link: "container cgroup",
  injection: "--pids-limit 30, 30 processes, then an exec",
  stacks: BOTH,
  async inject(stack) {
    const flags = stack.kind === "genuine" ? ["--runtime", "racing"] : [];
    const name = await crowd(stack, 30, flags);
    await stack.docker("exec", name, "true");
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const name = await crowd(stack, 200);
    await stack.must("exec", name, "true");
    return patient(stack, name);
  },
};

export const pidsAppFork: FaultRow = {
  id: "pids-app-fork",
  link: "app",
  injection: "sh -c 'ls; true' in a container at its pids limit",
  stacks: BOTH,
  noError: "the exec starts; its program cannot fork",
  async inject(stack) {
    // Ours refuses an exec that would be one too many: the shell gets the last pid there is.
    const name = await crowd(stack, stack.kind === "catena" ? 31 : 30);
    // The exec itself loses the race now and then: until one gets in and fails to fork.
    for (let index = 0; index < MAX_TRIES; index++) {
      if ((await stack.docker("exec", name, "sh", "-c", "ls; true")).code === 2) break;
    }
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const name = await crowd(stack, 200);
    await stack.docker("exec", name, "sh", "-c", "exit 2");
    return patient(stack, name);
  },
};

/** A pids cgroup of the laboratory's own, with one process in it. */
async function confine(stack: FaultStack, name: string, room: number) {
  const folder = `/sys/fs/cgroup/pids/${stack.sandbox.tag}-${name}`;
  mkdirSync(folder);
  const init = await stack.initPid(name);
  // Ours starts processes by a keeper, which is the parent of the first one.
  const keeper = Number(readFileSync(`/proc/${init}/stat`, "utf8").split(") ")[1]!.split(" ")[1]);
  for (const pid of new Set([await stack.shimPid(name), keeper])) {
    writeFileSync(`${folder}/cgroup.procs`, String(pid));
  }
  const current = Number(readFileSync(`${folder}/pids.current`, "utf8"));
  writeFileSync(`${folder}/pids.max`, String(current + room));
  await stack.docker("exec", name, "true");
  return {
    container: name,
    heal: async () => {
      writeFileSync(`${folder}/pids.max`, "max");
      await stack.remove(name);
      await waitUntil(`${folder} is empty`, () => {
        for (const pid of readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n")) {
          if (pid !== "") writeFileSync("/sys/fs/cgroup/pids/cgroup.procs", pid);
        }
        return readFileSync(`${folder}/cgroup.procs`, "utf8") === "";
      });
      rmdirSync(folder);
    },
  };
}

export const shimPidsFull: FaultRow = {
  id: "shim-pids-full",
  link: "shim",
  injection: "the shim moved into a pids cgroup that is full",
  stacks: BOTH,
  inject: async (stack) => confine(stack, await stack.run([]), 0),
  lookAlike: async (stack) => confine(stack, await stack.run([]), 500),
};

export const rlimitNproc: FaultRow = {
  id: "rlimit-nproc",
  link: "kernel",
  injection: "-u 4321 --ulimit nproc=2:2, two processes",
  stacks: BOTH,
  noError: "the exec starts; its program cannot fork",
  async inject(stack) {
    const flags = ["-u", "4321", "--ulimit", "nproc=2:2"];
    const name = await stack.run(flags, ["sh", "-c", "sleep 100000 & wait"]);
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const flags = ["-u", "4322", "--ulimit", "nproc=50:50"];
    return patient(stack, await stack.run(flags, ["sh", "-c", "sleep 100000 & wait"]));
  },
};

/** What it has open when no request is being served: the least of several looks. */
async function fewestOpen(pid: number): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < 8; look++) {
    looks.push(readdirSync(`/proc/${pid}/fd`).length);
    await Bun.sleep(50);
  }
  return Math.min(...looks);
}

/** Lowers the soft limit of descriptors of a process to what it has open, and `room` more. */
async function squeeze(pid: number, room: number): Promise<() => Promise<void>> {
  const before = readFileSync(`/proc/${pid}/limits`, "utf8").match(/Max open files +(\S+)/)![1]!;
  const open = await fewestOpen(pid);
  await mustRun(["prlimit", "--pid", String(pid), `--nofile=${open + room}:`]);
  return async () => {
    await mustRun(["prlimit", "--pid", String(pid), `--nofile=${before}:`]);
  };
}

export const shimNofile: FaultRow = {
  id: "shim-nofile",
  link: "shim",
  injection: "prlimit --pid SHIM --nofile= what it has open",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run([]);
    const restore = await squeeze(await stack.shimPid(name), 0);
    await stack.docker("exec", name, "true");
    return {
      container: name,
      heal: async () => {
        await restore();
        await stack.remove(name);
      },
    };
  },
  async lookAlike(stack) {
    const name = await stack.run([]);
    const restore = await squeeze(await stack.shimPid(name), 200);
    await stack.docker("exec", name, "true");
    return {
      container: name,
      heal: async () => {
        await restore();
        await stack.remove(name);
      },
    };
  },
};

function daemonNofile(
  id: string,
  link: "dockerd" | "containerd",
  injection: string,
  fail: (stack: FaultStack, name: string) => Promise<string>,
  stacks: FaultRow["stacks"],
): FaultRow {
  return {
    id,
    link,
    injection,
    stacks,
    async inject(stack) {
      const first = await stack.run([]);
      const restore = await squeeze(stack[link].pid, 2);
      const name = await fail(stack, first);
      return {
        container: name,
        heal: async () => {
          await restore();
          await stack.remove(first);
          if (name !== first) await stack.remove(name);
        },
      };
    },
    async lookAlike(stack) {
      const name = await stack.run([]);
      const restore = await squeeze(stack[link].pid, 200);
      await stack.docker("exec", name, "true");
      return {
        container: name,
        heal: async () => {
          await restore();
          await stack.remove(name);
        },
      };
    },
  };
}

export const dockerdNofile = daemonNofile(
  "dockerd-nofile",
  "dockerd",
  "prlimit dockerd, then an exec",
  async (stack, name) => {
    await stack.docker("exec", name, "true");
    return name;
  },
  BOTH,
);

export const containerdNofile = daemonNofile(
  "containerd-nofile",
  "containerd",
  "prlimit containerd, then a run",
  (stack) => stack.runBroken([]),
  GENUINE_ONLY,
);

const FILL = "dd if=/dev/zero of=/dev/shm/fill bs=16k count=";

export const memcgOomExec: FaultRow = {
  id: "memcg-oom-exec",
  link: "memory cgroup",
  injection: "-m 8m, /dev/shm nearly full, then an exec",
  stacks: BOTH,
  request: ["exec", "NAME", "tail", "/dev/zero"],
  async inject(stack) {
    // Our init is so small that with it the kernel would choose the container's first process.
    if (stack.kind === "catena") {
      const name = await stack.run(["-m", "16m"]);
      await stack.docker("exec", name, "tail", "/dev/zero");
      return patient(stack, name);
    }
    const name = await stack.run(["-m", "8m"]);
    for (let blocks = 380; blocks < 380 + MAX_TRIES * 4; blocks += 4) {
      await stack.docker("exec", name, "sh", "-c", FILL + blocks);
      if ((await stack.docker("exec", name, "true")).code === 137) break;
    }
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const name = await stack.run(["-m", "64m"]);
    await stack.must("exec", name, "sh", "-c", `${FILL}400`);
    await stack.must("exec", name, "true");
    return patient(stack, name);
  },
};

export const memcgOomApp: FaultRow = {
  id: "memcg-oom-app",
  link: "memory cgroup",
  injection: "-m 16m, tail /dev/zero",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run(["-m", "16m"], ["tail", "/dev/zero"]);
    await waitUntil(`${name} ended`, async () => {
      return (await stack.inspect(name, "{{.State.Running}}")) === "false";
    });
    return patient(stack, name);
  },
  lookAlike: async (stack) => patient(stack, await stack.run(["-m", "64m"])),
};
