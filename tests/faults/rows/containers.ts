import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import { BOTH, type FaultRow, GENUINE_ONLY, patient } from "../fault_row.ts";
import { type FaultStack, IMAGE } from "../fault_stack.ts";

export const cgroupGone: FaultRow = {
  id: "cgroup-gone",
  link: "cgroup",
  injection: "processes moved out, cgroup removed",
  stacks: BOTH,
  async inject(stack) {
    const name = await stack.run([]);
    const pid = await stack.initPid(name);
    const line = readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .find((one) => one.split(":")[1] === "pids")!;
    const folder = `/sys/fs/cgroup/pids${line.split(":")[2]}`;
    for (const member of readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n")) {
      if (member !== "") writeFileSync("/sys/fs/cgroup/pids/cgroup.procs", member);
    }
    rmdirSync(folder);
    return {
      container: name,
      heal: async () => {
        mkdirSync(folder);
        await stack.remove(name);
      },
    };
  },
  async lookAlike(stack) {
    // What systemd in a container does: init sits in a child of the container's cgroup.
    const name = await stack.run([]);
    const pid = await stack.initPid(name);
    const line = readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .find((one) => one.split(":")[1] === "pids")!;
    const child = `/sys/fs/cgroup/pids${line.split(":")[2]}/inner`;
    mkdirSync(child);
    writeFileSync(`${child}/cgroup.procs`, String(pid));
    return patient(stack, name);
  },
};

export const procUnmounted: FaultRow = {
  id: "proc-unmounted",
  link: "container mounts",
  injection: "umount -l /proc in the container",
  stacks: BOTH,
  noError: "our exec needs no /proc in the container",
  async inject(stack) {
    const name = await stack.run([]);
    const pid = String(await stack.initPid(name));
    await mustRun(["nsenter", "-t", pid, "-m", "umount", "-l", "/proc"]);
    return patient(stack, name);
  },
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const ptmxMissing: FaultRow = {
  id: "ptmx-missing",
  link: "container mounts",
  injection: "rm /dev/ptmx in the container",
  stacks: BOTH,
  request: ["exec", "-t", "NAME", "true"],
  async inject(stack) {
    const name = await stack.run([]);
    await stack.must("exec", name, "rm", "/dev/ptmx");
    return patient(stack, name);
  },
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

export const deviceMissing: FaultRow = {
  id: "device-missing",
  link: "container mounts",
  injection: "rm /dev/null in the container",
  stacks: BOTH,
  noError: "an exec starts; its program may miss the device",
  async inject(stack) {
    const name = await stack.run([]);
    await stack.must("exec", name, "rm", "/dev/null");
    return patient(stack, name);
  },
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

/** A program in the container that will not start; `prepare` runs before it. */
function program(
  row: Pick<FaultRow, "id" | "link" | "injection">,
  prepare: string,
  exec: string[],
): FaultRow {
  return {
    ...row,
    stacks: BOTH,
    request: exec,
    async inject(stack) {
      const name = await stack.run([]);
      if (prepare !== "") await stack.must("exec", name, "sh", "-c", prepare);
      await stack.docker(...exec.map((word) => (word === "NAME" ? name : word)));
      return patient(stack, name);
    },
    async lookAlike(stack) {
      const name = await stack.run([]);
      // A program that starts and then says 127 and 126 of its own accord.
      await stack.docker("exec", name, "sh", "-c", "no-such-program");
      await stack.docker("exec", name, "sh", "-c", "exit 126");
      return patient(stack, name);
    },
  };
}

export const execNotFound = program(
  { id: "exec-not-found", link: "image", injection: "exec bash in a busybox image" },
  "",
  ["exec", "NAME", "bash"],
);

export const execNotExecutable = program(
  { id: "exec-not-executable", link: "image", injection: "chmod 644, then exec" },
  "cp /bin/busybox /tool && chmod 644 /tool",
  ["exec", "NAME", "/tool"],
);

export const execFormat = program(
  { id: "exec-format", link: "kernel", injection: "a file that is no program, chmod 755" },
  "printf '\\177ELFjunk' > /tool && chmod 755 /tool",
  ["exec", "NAME", "/tool"],
);

export const badInterpreter = program(
  { id: "bad-interpreter", link: "kernel", injection: "#!/bin/nosuch" },
  "printf '#!/bin/nosuch\\n' > /tool && chmod 755 /tool",
  ["exec", "NAME", "/tool"],
);

export const cwdMissing = program(
  { id: "cwd-missing", link: "runc init", injection: "exec -w /no/such" },
  "",
  ["exec", "-w", "/no/such", "NAME", "true"],
);

export const userUnknown: FaultRow = {
  ...program({ id: "user-unknown", link: "dockerd", injection: "exec -u nouser" }, "", [
    "exec",
    "-u",
    "nouser",
    "NAME",
    "true",
  ]),
  // Ours refuses before there is an exec: nothing is left to look back on.
  stacks: GENUINE_ONLY,
};

export const readOnlyFs: FaultRow = {
  id: "read-only-fs",
  link: "mount",
  injection: "--read-only, touch /x",
  stacks: BOTH,
  noError: "the exec starts; its program cannot write",
  async inject(stack) {
    const name = await stack.run(["--read-only"]);
    await stack.docker("exec", name, "touch", "/x");
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const name = await stack.run(["--read-only", "--tmpfs", "/scratch"]);
    await stack.docker("exec", name, "cat", "/scratch/none");
    return patient(stack, name);
  },
};

export const bindSourceMissing: FaultRow = {
  id: "bind-source-missing",
  link: "dockerd",
  injection: "--mount with a source that is removed before the start",
  // Our runtime makes the folder, so the start does not fail there.
  stacks: GENUINE_ONLY,
  async inject(stack) {
    const { name, folder } = await bound(stack);
    rmdirSync(folder);
    await stack.docker("start", name);
    return patient(stack, name);
  },
  async lookAlike(stack) {
    const { name } = await bound(stack);
    await stack.must("start", name);
    return patient(stack, name);
  },
};

async function bound(stack: FaultStack): Promise<{ name: string; folder: string }> {
  const folder = stack.sandbox.path(`source-${stack.newName()}`);
  mkdirSync(folder);
  const name = await stack.create(["--mount", `type=bind,src=${folder},dst=/mnt`]);
  return { name, folder };
}

function profile(stack: FaultStack, name: string, action: string, calls: string[]): string {
  const path = stack.sandbox.path(`${name}.json`);
  const body = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [{ names: calls, action }],
  };
  writeFileSync(path, JSON.stringify(body));
  return `seccomp=${path}`;
}

export const seccompKill: FaultRow = {
  id: "seccomp-kill",
  link: "seccomp",
  injection: "a profile that kills calls of the start itself",
  stacks: BOTH,
  async inject(stack) {
    // What each runtime's init calls behind its filter.
    const calls = stack.kind === "catena" ? ["execve"] : ["futex", "write"];
    const option = profile(stack, "kill", "SCMP_ACT_KILL_PROCESS", calls);
    return patient(stack, await stack.runBroken(["--security-opt", option]));
  },
  async lookAlike(stack) {
    const option = profile(stack, "refuse", "SCMP_ACT_KILL_PROCESS", ["kexec_load"]);
    return patient(stack, await stack.run(["--security-opt", option]));
  },
};

export const runtimeMissing: FaultRow = {
  id: "runtime-missing",
  link: "shim",
  injection: "--add-runtime to nowhere",
  stacks: GENUINE_ONLY,
  inject: async (stack) => patient(stack, await stack.runBroken(["--runtime", "gone"])),
  lookAlike: async (stack) => patient(stack, await stack.run(["--runtime", "runc"])),
};

export const runtimeDirFull: FaultRow = {
  id: "runtime-dir-full",
  link: "shim",
  injection: "a full tmpfs as the shim's XDG_RUNTIME_DIR",
  stacks: GENUINE_ONLY,
  async inject(stack) {
    const name = await stack.run([]);
    const fill = `dd if=/dev/zero of=${stack.runtimeDir}/fill bs=4k count=64 2>/dev/null || true`;
    await mustRun(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", stack.runtimeDir]);
    await mustRun(["sh", "-c", fill]);
    return {
      container: name,
      heal: async () => {
        await mustRun(["umount", "-l", stack.runtimeDir]);
        await stack.remove(name);
      },
    };
  },
  lookAlike: async (stack) => patient(stack, await stack.run([])),
};

/** Free on a network of the test's own. */
const PORT = 18_080;

/** A container that publishes PORT, created and not started. */
async function publisher(stack: FaultStack): Promise<string> {
  const name = stack.newName();
  await stack.must("create", "--name", name, "-p", `${PORT}:80`, IMAGE, "sleep", "100000");
  return name;
}

export const portTaken: FaultRow = {
  id: "port-taken",
  link: "dockerd",
  injection: "two containers with -p 18080:80",
  stacks: BOTH,
  networked: true,
  request: ["start", "NAME"],
  async inject(stack) {
    const holder = await publisher(stack);
    await stack.must("start", holder);
    const name = await publisher(stack);
    await stack.docker("start", name);
    const heal = async () => {
      for (const one of [name, holder]) await stack.remove(one);
    };
    return { container: name, heal };
  },
  async lookAlike(stack) {
    const name = await publisher(stack);
    await stack.must("start", name);
    return patient(stack, name);
  },
};
