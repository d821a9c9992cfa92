/** Plan header: magic, version, flags, number of operations, total bytes. */
export const PLAN_MAGIC = 0x4e4c5043; // "CPLN"
/** Raised with every change of the operations, so that an init of another build refuses. */
export const PLAN_VERSION = 4;
export const PLAN_HEADER_BYTES = 20;
export const PLAN_FLAG_CLOCK = 1;
export const PLAN_MAX_BYTES = 16 * 1024 * 1024;
export const PLAN_MAX_OPERATIONS = 4096;
/** Most strings that execve's arguments and environment may have together. */
export const PLAN_MAX_STRINGS = 65536;

/** Size of init's table of opened descriptors: each bind mount into a user namespace takes one. */
export const MAX_SLOTS = 1024;

/** Each operation: u32 code with flags, u32 length of its arguments, then the arguments. */
export const OPERATION_HEADER_BYTES = 8;
export const OPERATION_OPTIONAL = 0x80000000;
export const OPERATION_BY_PARENT = 0x40000000;

/** Report page: a header, then one record for each operation. */
export const REPORT_MAGIC = 0x50455243; // "CREP"
export const REPORT_HEADER_BYTES = 512;
export const REPORT_RECORD_BYTES = 24;
export const PAGE_BYTES = 4096;

/** Offsets in the report's header. */
export const REPORT_FIELDS = {
  magic: 0,
  stage: 4,
  /** Index of the operation that was started last, of any stage. */
  current: 8,
  /** Index of the operation that failed, plus 1; 0 for none. */
  failed: 12,
  parentPid: 16,
  childPid: 20,
  grandchildPid: 24,
  /** How the grandchild was charged: see CHARGED. */
  charged: 28,
  /** The level of pids-check that refused, and what it read. */
  level: 32,
  errno: 36,
  levelCurrent: 40,
  levelMax: 48,
  /** CLOCK_MONOTONIC and CLOCK_REALTIME of the child before, the grandchild after its creation. */
  childMonotonic: 56,
  childRealtime: 64,
  grandchildMonotonic: 72,
  grandchildRealtime: 80,
  /** When the stages began. */
  parentBegan: 88,
  childBegan: 96,
  grandchildBegan: 104,
  /** Exit status of a failed hook (wait(2) form). */
  hookStatus: 112,
  /** Written by the runtime: init waits before this operation and all later ones; 0: never. */
  hold: 116,
  /** The operation before which init waits, plus 1; 0 while it does not. */
  held: 120,
  /** What a failed operation was about: a NUL-ended path or word. */
  detail: 128,
} as const;

export const REPORT_DETAIL_BYTES = REPORT_HEADER_BYTES - REPORT_FIELDS.detail;

/** Offsets in an operation's record: times are CLOCK_MONOTONIC nanoseconds. */
export const RECORD_FIELDS = { started: 0, finished: 8, state: 16, errno: 20 } as const;

export const RECORD_STATE = { untouched: 0, started: 1, done: 2, failed: 3 } as const;

export const STAGE = { none: 0, parent: 1, child: 2, grandchild: 3 } as const;

export const CHARGED = { none: 0, cgroup: 1, fallback: 2 } as const;

/** Exit code of init when an operation failed. */
export const EXIT_FAILED = 81;

/** Messages on the init pipe: one byte each way, and a descriptor with SECCOMP. */
export const MESSAGE = {
  /** init: namespaces exist, the root is built, hooks may run. */
  namespaces: 1,
  /** init: the seccomp notify descriptor comes with this message. */
  seccomp: 2,
  /** runtime: go on. */
  go: 0x47,
} as const;
