/** An index into init's table of opened descriptors, or NO_SLOT. */
export type Slot = number;

export const NO_SLOT = -1;

/** `key=value`, or a key alone for a flag. */
export type MountOption = readonly [key: string, value?: string];

/** What every operation that changes a mount's attributes carries: MOUNT_ATTR_* bits. */
export interface MountAttributes {
  set: bigint;
  clear: bigint;
  /** The same for the mount and everything below it (`rro` and its like). */
  recursiveSet: bigint;
  recursiveClear: bigint;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, each with or without MS_REC; in order. */
  propagation: number[];
}

interface Base {
  /** The failure is noted in the report and the plan goes on. */
  optional?: boolean;
  /** Performed by the parent, in the host's namespaces, on behalf of the stage that reached it. */
  byParent?: boolean;
}

/** Operations that lead from the host into the namespaces. */
export type StageOperation =
  /** Not dumpable; close-on-exec on all from 3 on but `keep` of them; signals at their defaults. */
  | { op: "protect"; keep: number }
  /** Opens a path of the host into a slot, close-on-exec. */
  | { op: "open"; slot: Slot; path: string; flags: number }
  /** A detached copy of a host's mount tree, for a container whose root may not see its path. */
  | { op: "open-tree"; slot: Slot; path: string; recursive: boolean }
  /** As open-tree, with ids mapped as in the user namespace that has these maps. */
  | { op: "map-tree"; slot: Slot; uidMap: string; gidMap: string; recursive: boolean }
  /** Writes /proc/self/oom_score_adj. A refused lowering leaves the present value. */
  | { op: "oom-score"; value: number }
  /** The stage `child` begins. */
  | { op: "clone-child" }
  /** setns(2): `flag` is the CLONE_NEW* of the type. */
  | { op: "join-namespace"; flag: number; fd: number }
  /** Enters the root that a descriptor names: for a container without a mount namespace. */
  | { op: "join-root"; fd: number }
  | { op: "unshare"; flags: number }
  /** Maps of the child's new user namespace, as the kernel's files take them. */
  | {
      op: "id-maps";
      uidMap: string;
      gidMap: string;
      denySetgroups: boolean;
      /** newuidmap and newgidmap, which write the maps for who may not; empty to write them. */
      uidTool: string;
      gidTool: string;
    }
  /** User and group 0 of the user namespace. */
  | { op: "become-root" }
  /** Offsets of the clocks in the new time namespace, as /proc/PID/timens_offsets takes them. */
  | { op: "time-offsets"; text: string }
  /**
   * The stage `grandchild` begins, charged to the cgroup of `cgroup` (cgroup v2); when that is busy
   * or gone, of `fallback`; when the kernel cannot, to none, and cgroup-join does it.
   */
  | { op: "clone-grandchild"; cgroup: Slot; fallback: Slot }
  /** setsid(2). */
  | { op: "new-session" }
  /** Brings the loopback of a new network namespace up. */
  | { op: "loopback" }
  /**
   * Moves a network device of the parent's namespace into that of the stage that asks, with its
   * lasting global addresses, and brings it up there as `newName`. The parent's part.
   */
  | { op: "net-device"; name: string; newName: string };

/** Operations on cgroups. */
export type CgroupOperation =
  /** flock(2), exclusive, over the join and the check. */
  | { op: "lock"; slot: Slot }
  | { op: "unlock"; slot: Slot }
  /** Writes 0 to opened tasks (v1) or cgroup.procs (v2) files. */
  | { op: "cgroup-join"; files: Slot[] }
  /** As cgroup-join; does nothing when clone-grandchild charged the process already. */
  | { op: "cgroup-join-uncharged"; file: Slot }
  /**
   * Refuses with EAGAIN when pids.current exceeds pids.max at any level (innermost first), and
   * leaves the cgroup by writing 0 to `escape`, the tasks file of the hierarchy's root. With
   * `uncharged` it does nothing when clone-grandchild charged the process: the kernel checked then.
   */
  | { op: "pids-check"; current: Slot[]; max: Slot[]; escape: Slot; uncharged: boolean };

/** Operations that build the container's root. Paths are inside it unless said otherwise. */
export type RootfsOperation =
  /** mount(2) of propagation flags on a path of the host's tree. */
  | { op: "propagation"; path: string; flags: number }
  /** Binds the rootfs (a host path) on itself; from here on it is the container's root. */
  | { op: "root-bind"; path: string }
  /** Takes the rootfs as the container's root without a mount of its own. */
  | { op: "root-open"; path: string }
  /** The root that the process already has: after joining a mount namespace. */
  | { op: "root-current" }
  /** A new file system; `plain` refuses a target reached through a symbolic link. */
  | {
      op: "mount";
      type: string;
      source: string;
      target: string;
      options: MountOption[];
      attributes: MountAttributes;
      plain: boolean;
      /** Gives the new root directory the mode of the one it covers. */
      keepMode: boolean;
      /** Copies what the target held into the new file system. */
      copyUp: boolean;
      /** Bound instead when the mount is refused with EPERM or EBUSY: a host path, or empty. */
      bindInstead: string;
    }
  /** mount(2) with options as text: for what the newer calls do not take. */
  | { op: "mount-text"; type: string; source: string; target: string; flags: number; data: string }
  /** Binds a host path, or the tree in a slot; makes the target a folder or file as that is. */
  | {
      op: "bind";
      source: string;
      tree: Slot;
      target: string;
      recursive: boolean;
      attributes: MountAttributes;
      /** Allows a target inside procfs. */
      insideProc: boolean;
    }
  | { op: "remount-readonly"; target: string }
  | { op: "mkdir"; path: string; mode: number }
  /** A device node or fifo; where mknod(2) is refused, the host's node of that path is bound. */
  | {
      op: "mknod";
      path: string;
      mode: number;
      major: number;
      minor: number;
      uid: number;
      gid: number;
      bindOnly: boolean;
    }
  /** An existing link or file is left alone, or replaced. */
  | { op: "symlink"; target: string; path: string; replace: boolean }
  /** Runs in a host path that must not stay visible: unmounts it, or covers it with a tmpfs. */
  | { op: "uncover"; path: string }
  | { op: "pivot-root" }
  /** Moves the root over /, for hosts whose root cannot be pivoted (initramfs). */
  | { op: "move-root" }
  | { op: "change-root" }
  /** A missing path is no failure. */
  | { op: "mask"; path: string }
  | { op: "readonly-path"; path: string }
  /** Opens a procfs of our own, or the container's after checking what it is. */
  | { op: "open-proc"; slot: Slot }
  /** `path` is relative to /proc/sys. */
  | { op: "sysctl"; proc: Slot; path: string; value: string }
  | { op: "hostname"; name: string }
  | { op: "domainname"; name: string }
  /** A terminal of the container's devpts; the master goes over the socket. */
  | { op: "terminal"; socket: number; height: number; width: number; mountConsole: boolean }
  /** Standard streams that are the host's /dev/null become the container's. */
  | { op: "reopen-null" };

/** Operations that make the process what the specification says. */
export type IdentityOperation =
  /** Joins a session keyring of its own; `permissions` are added for search, 0 leaves them. */
  | { op: "keyring"; name: string; permissions: number }
  | { op: "rlimit"; resource: number; soft: bigint; hard: bigint }
  | { op: "personality"; domain: bigint }
  | { op: "io-priority"; value: number }
  | {
      op: "scheduler";
      policy: number;
      nice: number;
      priority: number;
      flags: bigint;
      runtime: bigint;
      deadline: bigint;
      period: bigint;
    }
  | { op: "cpu-affinity"; mask: Uint8Array }
  /** set_mempolicy(2): mode with flags, and the nodes as a bit mask. */
  | { op: "memory-policy"; mode: number; nodes: Uint8Array }
  | { op: "umask"; mask: number }
  /** Gives standard streams to the user. */
  | { op: "stdio-owner"; uid: number }
  /** Fills HOME from the container's /etc/passwd, for an environment that lacks it. */
  | { op: "home"; uid: number }
  /** Drops from the bounding set what the mask lacks. */
  | { op: "bounding-set"; mask: bigint }
  /** Keeps capabilities over setgroups, setgid, setuid. */
  | { op: "user"; uid: number; gid: number; groups: number[]; setGroups: boolean }
  | {
      op: "capabilities";
      effective: bigint;
      permitted: bigint;
      inheritable: bigint;
      ambient: bigint;
    }
  /** Closes all that was opened for the launch but the pipe, the report and the slots of `keep`. */
  | { op: "close-others"; keep: Slot[] }
  /** With `early`, a refusal for lack of permission is tried again by the later one. */
  | { op: "chdir"; path: string; early: boolean }
  /** Writes an LSM's exec attribute: `file` is relative to /proc/self. */
  | { op: "label"; proc: Slot; file: string; text: string }
  | { op: "no-new-privs" }
  /** Loads a filter; with `listener` its notify descriptor goes over the init pipe. */
  | { op: "seccomp"; flags: number; filter: Uint8Array; listener: boolean };

/** Operations that hand over to the program. */
export type ProgramOperation =
  /** Tells the other end and waits for its go-ahead. */
  | { op: "sync"; message: number }
  /** The two halves of `sync`, for what may go on meanwhile. */
  | { op: "tell"; message: number }
  | { op: "await-go" }
  /** Finds the program as execvp(3) would, by PATH of `env`. */
  | { op: "find-program"; name: string; path: string }
  /**
   * Closes the init pipe, so that the other end sees the end of the launch, and all else that was
   * opened for it but the slots of `keep`.
   */
  | { op: "hand-over"; keep: Slot[] }
  /** Opens the fifo for writing, which waits for `start`, and writes "0" to it. */
  | { op: "wait-start"; proc: Slot; fifo: Slot }
  /** Runs a hook; its standard input is `stateHead`, the process id, `stateTail`. */
  | {
      op: "hook";
      kind: string;
      path: string;
      args: string[];
      env: string[];
      timeoutMs: number;
      stateHead: string;
      stateTail: string;
    }
  | { op: "execve"; args: string[]; env: string[] };

/** One primitive step of a plan: see stack/runc/README.md for who decides and who performs. */
export type Operation = Base &
  (StageOperation | CgroupOperation | RootfsOperation | IdentityOperation | ProgramOperation);

export type OperationName = Operation["op"];

/** What init performs, in order. */
export interface Plan {
  operations: Operation[];
  /** The clock can be read without a system call, so it may be read behind a seccomp filter. */
  clockWithoutSyscall: boolean;
}
