import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { mustRun } from "../lib/command.ts";
import type { FaultStack, StackKind } from "./fault_stack.ts";
import { bundleFolder, stateFolder } from "./rows/state.ts";

/** A fault that can be inflicted on a running container beside others, and undone. */
export interface Breakage {
  /** The cause that it may be called by. */
  cause: string;
  /** Links of the chain that must not be said to work. */
  links: readonly string[];
  stacks: readonly StackKind[];
  /** Two that change the same thing cannot be inflicted together. */
  changes: string;
  /** Causes that are true as well where this one is inflicted. */
  brings?: readonly string[];
  /** Breaks it, returns how to undo that. What is only in the container goes with it. */
  inflict(stack: FaultStack, name: string): Promise<() => void | Promise<void>>;
}

const BOTH = ["genuine", "catena"] as const;

type Target = (stack: FaultStack, name: string) => Promise<number>;

function stopping(
  cause: string,
  links: string[],
  pidOf: Target,
  stacks: readonly StackKind[] = BOTH,
): Breakage {
  return {
    cause,
    links,
    stacks,
    changes: cause,
    async inflict(stack, name) {
      const pid = await pidOf(stack, name);
      process.kill(pid, "SIGSTOP");
      return () => void process.kill(pid, "SIGCONT");
    },
  };
}

function moving(
  cause: string,
  links: string[],
  changes: string,
  pathOf: (stack: FaultStack, id: string) => string,
): Breakage {
  return {
    cause,
    links,
    stacks: BOTH,
    changes,
    async inflict(stack, name) {
      const path = pathOf(stack, await stack.inspect(name, "{{.Id}}"));
      renameSync(path, `${path}.away`);
      return () => renameSync(`${path}.away`, path);
    },
  };
}

/** Something that a command in the container, or in its mount namespace, does. */
function inside(cause: string, links: string[], argv: string[]): Breakage {
  return {
    cause,
    links,
    stacks: BOTH,
    changes: cause,
    async inflict(stack, name) {
      const pid = String(await stack.initPid(name));
      await mustRun(["nsenter", "-t", pid, "-m", "--", ...argv]);
      return () => undefined;
    },
  };
}

/** An exec that fails for its own reason; it is over when the doctor looks. */
function failingExec(cause: string, flags: string[], argv: string[]): Breakage {
  return {
    cause,
    links: [],
    stacks: BOTH,
    // Docker's last exec is the one that counts.
    changes: "last exec",
    async inflict(stack, name) {
      await stack.docker("exec", ...flags, name, ...argv);
      return () => undefined;
    },
  };
}

/** The folder of a container's process in the v1 hierarchy that counts processes. */
export function pidsFolder(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  return `/sys/fs/cgroup/pids${lines.find((one) => one.split(":")[1] === "pids")!.split(":")[2]}`;
}

const fullPids: Breakage = {
  cause: "pids-cgroup-full",
  links: ["container"],
  stacks: BOTH,
  changes: "cgroup",
  async inflict(stack, name) {
    const folder = pidsFolder(await stack.initPid(name));
    const current = readFileSync(`${folder}/pids.current`, "utf8").trim();
    writeFileSync(`${folder}/pids.max`, current);
    return () => writeFileSync(`${folder}/pids.max`, "max");
  },
};

const goneCgroup: Breakage = {
  cause: "cgroup-gone",
  links: ["runc"],
  stacks: BOTH,
  changes: "cgroup",
  async inflict(stack, name) {
    const folder = pidsFolder(await stack.initPid(name));
    for (const pid of readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n")) {
      if (pid !== "") writeFileSync("/sys/fs/cgroup/pids/cgroup.procs", pid);
    }
    rmdirSync(folder);
    return () => mkdirSync(folder);
  },
};

const tornState: Breakage = {
  cause: "state-damaged",
  links: ["runc"],
  stacks: BOTH,
  changes: "state",
  async inflict(stack, name) {
    const path = `${stateFolder(stack, await stack.inspect(name, "{{.Id}}"))}/state.json`;
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    return () => writeFileSync(path, whole);
  },
};

const pause: Breakage = {
  cause: "paused",
  links: ["container"],
  stacks: BOTH,
  changes: "freezer",
  async inflict(stack, name) {
    await stack.must("pause", name);
    return async () => void (await stack.docker("unpause", name));
  },
};

/** No descriptor is left; what an exec then says is for the doctor to find by itself. */
const noDescriptors: Breakage = {
  cause: "shim-nofile",
  links: ["shim"],
  stacks: ["genuine"],
  changes: "shim-nofile",
  async inflict(stack, name) {
    const pid = await stack.shimPid(name);
    const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
    const before = limits.match(/Max open files +(\S+)/)![1]!;
    const open = readdirSync(`/proc/${pid}/fd`).length;
    await mustRun(["prlimit", "--pid", String(pid), `--nofile=${open}:`]);
    return async () => void (await mustRun(["prlimit", "--pid", `${pid}`, `--nofile=${before}:`]));
  },
};

async function keeperPid(stack: FaultStack, name: string): Promise<number> {
  const stat = readFileSync(`/proc/${await stack.initPid(name)}/stat`, "utf8");
  return Number(stat.split(") ")[1]!.split(" ")[1]);
}

/** In the order in which they can be inflicted: what asks Docker comes before what silences it. */
export const BREAKAGES: readonly Breakage[] = [
  failingExec("exec-not-found", [], ["no-such-program"]),
  failingExec("cwd-missing", ["-w", "/no/such"], ["true"]),
  failingExec("exec-not-executable", [], ["/etc"]),
  inside("proc-unmounted", [], ["umount", "-l", "/proc"]),
  inside("ptmx-missing", [], ["rm", "/dev/ptmx"]),
  inside("device-missing", [], ["rm", "/dev/null"]),
  pause,
  fullPids,
  goneCgroup,
  moving("state-missing", ["runc"], "state", stateFolder),
  tornState,
  moving("bundle-missing", ["runc"], "bundle", bundleFolder),
  stopping("app-stopped", ["container"], (stack, name) => stack.initPid(name)),
  noDescriptors,
  stopping("keeper-hung", ["shim"], keeperPid, ["catena"]),
  stopping("shim-hung", ["shim"], (stack, name) => stack.shimPid(name)),
  moving("socket-gone", ["containerd"], "containerd", (stack) => stack.containerdSocket),
  stopping("containerd-hung", ["containerd"], async (stack) => stack.containerd.pid, ["genuine"]),
  moving("socket-gone", ["dockerd"], "dockerd", (stack) => stack.dockerSocket),
  stopping("dockerd-hung", ["dockerd"], async (stack) => stack.dockerd.pid),
];
