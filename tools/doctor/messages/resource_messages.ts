import type { KnownMessage } from "./known_message.ts";

/** Messages about something that ran out. The same words have several causes each. */
export const RESOURCE_MESSAGES: readonly KnownMessage[] = [
  {
    pattern: /read init-p: connection reset by peer/i,
    meaning:
      "runc's init died before it had said why: its end of the init pipe closed while runc read it",
    links: ["runc", "shim", "containerd", "dockerd"],
    causes: [
      {
        id: "pids-cgroup-full",
        evidence:
          "pids.current against pids.max up the container's cgroup tree; pids.events rises by 20",
      },
      { id: "memcg-oom-exec", evidence: "oom_kill in memory.oom_control or memory.events rises" },
      { id: "threads-max", evidence: "/proc/loadavg's total against kernel.threads-max" },
      { id: "seccomp-kill", evidence: "a KILL action for futex, clone or write in the profile" },
    ],
  },
  {
    pattern: new RegExp(
      "pthread_create failed: Resource temporarily unavailable" +
        "|failed to create new OS thread|may need to increase max user processes",
      "i",
    ),
    meaning: "a Go program (runc's init) could not start a thread: clone(2) gave EAGAIN",
    links: ["runc"],
    causes: [
      {
        id: "pids-cgroup-full",
        evidence: "pids.current against pids.max of the container and its ancestors",
      },
      { id: "threads-max", evidence: "/proc/loadavg's total against kernel.threads-max" },
      { id: "pid-max", evidence: "the number of tasks against kernel.pid_max" },
      {
        id: "rlimit-nproc",
        evidence: "Max processes in /proc/PID/limits against the user's threads; pids.events flat",
      },
    ],
  },
  {
    pattern: new RegExp(
      "fork: (retry: )?(resource temporarily unavailable|cannot allocate memory)" +
        "|unable to create (new )?native thread|can't start new thread" +
        "|pthread_create failed for thread|Errno 11\\] Resource temporarily",
      "i",
    ),
    meaning: "a program in the container could not start a process or thread of its own (EAGAIN)",
    links: ["container"],
    causes: [
      { id: "pids-app-fork", evidence: "the program ran and ended with 2; pids.events moves" },
      { id: "pids-cgroup-full", evidence: "pids.current against pids.max up the tree" },
      {
        id: "rlimit-nproc",
        evidence: "the user's threads against Max processes; pids.events flat",
      },
      { id: "memcg-oom-app", evidence: "where it says ENOMEM: the memory cgroup's usage" },
    ],
  },
  {
    pattern: /fork rejected by pids controller/i,
    meaning: "the kernel's one line a cgroup: pids.max refused a process or thread",
    links: ["kernel"],
    causes: [
      { id: "pids-cgroup-full", evidence: "pids.current against pids.max of the cgroup it names" },
    ],
  },
  {
    pattern: /insufficient PID available|PIDPressure/i,
    meaning: "the kubelet found the node's process ids nearly used up",
    links: ["kubelet", "kernel"],
    causes: [
      { id: "pid-max", evidence: "the number of tasks against kernel.pid_max" },
      { id: "threads-max", evidence: "/proc/loadavg's total against kernel.threads-max" },
    ],
  },
  {
    pattern: new RegExp(
      "(can't fork|cannot fork|fork/exec [^:]*|fork|clone): " +
        "(retry: )?resource temporarily unavailable",
      "i",
    ),
    meaning: "a process could not be started: fork or clone gave EAGAIN",
    links: ["container", "shim", "runc"],
    causes: [
      { id: "pids-app-fork", evidence: "the program ran and ended with 2; pids.events moves" },
      { id: "pids-cgroup-full", evidence: "pids.current against pids.max up the tree" },
      { id: "shim-pids-full", evidence: "/proc/SHIM/cgroup, its pids.current against pids.max" },
      {
        id: "rlimit-nproc",
        evidence: "the user's threads against Max processes; pids.events flat",
      },
      { id: "pid-max", evidence: "the number of tasks against kernel.pid_max" },
    ],
  },
  {
    pattern: /too many open files/i,
    meaning: "a daemon has no file descriptors left (EMFILE), or the host (ENFILE)",
    links: ["shim", "containerd", "dockerd"],
    causes: [
      { id: "shim-nofile", evidence: "entries of /proc/SHIM/fd against Max open files" },
      { id: "dockerd-nofile", evidence: "the same of dockerd; its text names a stdout fifo" },
      { id: "containerd-nofile", evidence: "the same of containerd; run fails while exec works" },
    ],
  },
  {
    pattern: /no space left on device/i,
    meaning: "ENOSPC: a file system, or one of several kernel tables, is full",
    links: ["shim", "runc", "dockerd", "kernel"],
    causes: [
      { id: "runtime-dir-full", evidence: "df and df -i of the shim's XDG_RUNTIME_DIR or /tmp" },
      { id: "cgroup-ids", evidence: "/proc/cgroups; dying descendants in cgroup.stat" },
      { id: "userns-max", evidence: "user.max_*_namespaces and fs.mount-max in /proc/sys" },
    ],
  },
  {
    pattern: /disk quota exceeded/i,
    meaning: "EDQUOT: a quota is used up; with `session key` it is that of kernel keys",
    links: ["runc", "kernel"],
    causes: [{ id: "keyring-quota", evidence: "/proc/key-users against kernel.keys.*" }],
  },
  {
    pattern: /OOM-killed|out of memory|oom.?kill/i,
    meaning: "the kernel killed a process because a memory limit was reached",
    links: ["memory cgroup", "runc"],
    causes: [
      { id: "memcg-oom-app", evidence: "State.OOMKilled; oom_kill of the memory cgroup" },
      { id: "memcg-oom-init", evidence: "a limit below what runc's init needs; the kernel's log" },
      { id: "memcg-oom-exec", evidence: "oom_kill rises by one for the exec" },
    ],
  },
];
