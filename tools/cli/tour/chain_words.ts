/** One link of the chain as it is taught: what it decides, and how the one above calls it. */
export interface TaughtLink {
  link: string;
  calledBy: string;
  does: string;
}

/** The chain from the top, in the words of `catena tour` and docs/the-chain.md. */
export const TAUGHT_CHAIN: readonly TaughtLink[] = [
  {
    link: "kubelet",
    calledBy: "a manifest, or an API server",
    does: "knows what a node should run, and probes it",
  },
  {
    link: "dockershim",
    calledBy: "CRI: gRPC on cri.sock",
    does: "makes pods of containers, for engines that know only containers",
  },
  {
    link: "dockerd",
    calledBy: "Docker Engine API: HTTP on docker.sock",
    does: "names, networks, volumes, logs, restart policies; makes config.json",
  },
  {
    link: "containerd",
    calledBy: "gRPC on containerd.sock",
    does: "images, snapshots, leases; knows which shim holds which container",
  },
  {
    link: "shim",
    calledBy: "ttrpc on a socket a shim",
    does: "holds containers while daemons come and go: streams, exits",
  },
  {
    link: "runc",
    calledBy: "a command line (ours: a call within the shim)",
    does: "turns config.json into namespaces, cgroups and mounts, and ends",
  },
  {
    link: "init",
    calledBy: "a pipe that runc left it",
    does: "does to itself what runc said, and becomes the program by execve",
  },
];

/** The chain drawn: a line a link, with the arrow from the one above. */
export function drawTaughtChain(): string {
  const width = Math.max(...TAUGHT_CHAIN.map(({ link }) => link.length));
  return TAUGHT_CHAIN.flatMap(({ link, calledBy, does }) => [
    `  ${" ".repeat(width)}  │ ${calledBy}`,
    `  ${link.padStart(width)}  ▼ ${does}`,
  ])
    .concat(`  ${" ".repeat(width)}  │ execve`, `  ${"program".padStart(width)}  ▼`)
    .join("\n");
}

/** What one kind of step in an exec's trace is for. */
export interface TaughtStep {
  link: string;
  /** How the step's name begins. */
  begins: string;
  why: string;
}

/** Steps of an exec in their order. Which of them a trace has depends on the host's cgroups. */
export const TAUGHT_STEPS: readonly TaughtStep[] = [
  {
    link: "dockerd",
    begins: "exec.create",
    why: "describes the process and gives it an id; nothing runs yet",
  },
  {
    link: "containerd",
    begins: "Tasks.Exec",
    why: "finds the shim of this container and hands it the process",
  },
  {
    link: "shim",
    begins: "shim exec-add",
    why: "notes the process on disk, so that a killed shim's successor knows it",
  },
  {
    link: "dockerd",
    begins: "exec.start",
    why: "makes the streams, and answers 101 to the client",
  },
  {
    link: "containerd",
    begins: "Tasks.Start",
    why: "asks the shim to start what Tasks.Exec described",
  },
  {
    link: "shim",
    begins: "shim exec",
    why: "opens the streams and has the container's keeper hold them",
  },
  {
    link: "runc",
    begins: "runc exec",
    why: "reads state.json, opens the namespaces, compiles the plan, starts init",
  },
  {
    link: "init",
    begins: "init parent",
    why: "still on the host: opens the cgroup's files, clones the child",
  },
  {
    link: "init",
    begins: "init child",
    why: "joins the container's namespaces; being in its pid namespace takes one more clone",
  },
  {
    link: "init",
    begins: "clone grandchild",
    why: "this clone is the process that the container will see",
  },
  {
    link: "init",
    begins: "cgroup join",
    why: "cgroup v1: writes 0 to each tasks file: itself, while it is one thread",
  },
  {
    link: "init",
    begins: "pids check",
    why: "cgroup v1 never refuses a join, so it counts, and leaves if there is no room",
  },
  {
    link: "init",
    begins: "bounding set",
    why: "drops what the container may not do, for good",
  },
  {
    link: "init",
    begins: "seccomp",
    why: "loads the filter of system calls; all that follows must pass it",
  },
  {
    link: "init",
    begins: "find program",
    why: "looks the program up along PATH, inside the container's root",
  },
  {
    link: "init",
    begins: "execve",
    why: "becomes the program; the pipe to runc closes by itself: it worked",
  },
];
