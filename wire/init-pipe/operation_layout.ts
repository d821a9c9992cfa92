import type { Operation, OperationName } from "./operation.ts";

/** How one argument is laid out. All are little-endian and padded to four bytes. */
export type FieldKind =
  /** u32. */
  | "u32"
  /** i32. */
  | "i32"
  | "u64"
  /** u32 of 0 or 1. */
  | "bool"
  /** u32 length with the final NUL, then the bytes. */
  | "text"
  /** u32 length, then the bytes. */
  | "bytes"
  /** u32 count, then i32 each. */
  | "i32s"
  /** u32 count, then texts. */
  | "texts"
  /** u32 count, then two texts each; a flag's value is absent: a text of length 0. */
  | "options"
  /** Four u64, then i32s. */
  | "attributes";

type Fields<K extends OperationName> = Readonly<
  Record<Exclude<keyof Extract<Operation, { op: K }>, "op" | "optional" | "byParent">, FieldKind>
>;

interface Layout<K extends OperationName> {
  /** The operation's number on the wire; never reused. */
  code: number;
  fields: Fields<K>;
}

/** Number and argument order of every operation. The C side reads arguments in this order. */
export const LAYOUT: { readonly [K in OperationName]: Layout<K> } = {
  protect: { code: 1, fields: { keep: "u32" } },
  open: { code: 2, fields: { slot: "i32", path: "text", flags: "u32" } },
  "open-tree": { code: 3, fields: { slot: "i32", path: "text", recursive: "bool" } },
  "map-tree": {
    code: 4,
    fields: { slot: "i32", uidMap: "text", gidMap: "text", recursive: "bool" },
  },
  "oom-score": { code: 5, fields: { value: "i32" } },
  "clone-child": { code: 6, fields: {} },
  "join-namespace": { code: 7, fields: { flag: "u32", fd: "i32" } },
  "join-root": { code: 8, fields: { fd: "i32" } },
  unshare: { code: 9, fields: { flags: "u32" } },
  "id-maps": {
    code: 10,
    fields: {
      uidMap: "text",
      gidMap: "text",
      denySetgroups: "bool",
      uidTool: "text",
      gidTool: "text",
    },
  },
  "become-root": { code: 11, fields: {} },
  "time-offsets": { code: 12, fields: { text: "text" } },
  "clone-grandchild": { code: 13, fields: { cgroup: "i32", fallback: "i32" } },
  "new-session": { code: 14, fields: {} },
  lock: { code: 15, fields: { slot: "i32" } },
  unlock: { code: 16, fields: { slot: "i32" } },
  "cgroup-join": { code: 17, fields: { files: "i32s" } },
  "cgroup-join-uncharged": { code: 18, fields: { file: "i32" } },
  "pids-check": {
    code: 19,
    fields: { current: "i32s", max: "i32s", escape: "i32", uncharged: "bool" },
  },
  propagation: { code: 20, fields: { path: "text", flags: "u32" } },
  "root-bind": { code: 21, fields: { path: "text" } },
  "root-open": { code: 22, fields: { path: "text" } },
  "root-current": { code: 23, fields: {} },
  mount: {
    code: 24,
    fields: {
      type: "text",
      source: "text",
      target: "text",
      options: "options",
      attributes: "attributes",
      plain: "bool",
      keepMode: "bool",
      copyUp: "bool",
      bindInstead: "text",
    },
  },
  "mount-text": {
    code: 25,
    fields: { type: "text", source: "text", target: "text", flags: "u32", data: "text" },
  },
  bind: {
    code: 26,
    fields: {
      source: "text",
      tree: "i32",
      target: "text",
      recursive: "bool",
      attributes: "attributes",
      insideProc: "bool",
    },
  },
  "remount-readonly": { code: 27, fields: { target: "text" } },
  mkdir: { code: 28, fields: { path: "text", mode: "u32" } },
  mknod: {
    code: 29,
    fields: {
      path: "text",
      mode: "u32",
      major: "u32",
      minor: "u32",
      uid: "u32",
      gid: "u32",
      bindOnly: "bool",
    },
  },
  symlink: { code: 30, fields: { target: "text", path: "text", replace: "bool" } },
  uncover: { code: 31, fields: { path: "text" } },
  "pivot-root": { code: 32, fields: {} },
  "move-root": { code: 33, fields: {} },
  "change-root": { code: 34, fields: {} },
  mask: { code: 35, fields: { path: "text" } },
  "readonly-path": { code: 36, fields: { path: "text" } },
  "open-proc": { code: 37, fields: { slot: "i32" } },
  sysctl: { code: 38, fields: { proc: "i32", path: "text", value: "text" } },
  hostname: { code: 39, fields: { name: "text" } },
  domainname: { code: 40, fields: { name: "text" } },
  terminal: {
    code: 41,
    fields: { socket: "i32", height: "u32", width: "u32", mountConsole: "bool" },
  },
  "reopen-null": { code: 42, fields: {} },
  keyring: { code: 43, fields: { name: "text", permissions: "u32" } },
  rlimit: { code: 44, fields: { resource: "u32", soft: "u64", hard: "u64" } },
  personality: { code: 45, fields: { domain: "u64" } },
  "io-priority": { code: 46, fields: { value: "u32" } },
  scheduler: {
    code: 47,
    fields: {
      policy: "u32",
      nice: "i32",
      priority: "u32",
      flags: "u64",
      runtime: "u64",
      deadline: "u64",
      period: "u64",
    },
  },
  "cpu-affinity": { code: 48, fields: { mask: "bytes" } },
  umask: { code: 49, fields: { mask: "u32" } },
  "stdio-owner": { code: 50, fields: { uid: "u32" } },
  home: { code: 51, fields: { uid: "u32" } },
  "bounding-set": { code: 52, fields: { mask: "u64" } },
  user: { code: 53, fields: { uid: "u32", gid: "u32", groups: "i32s", setGroups: "bool" } },
  capabilities: {
    code: 54,
    fields: { effective: "u64", permitted: "u64", inheritable: "u64", ambient: "u64" },
  },
  chdir: { code: 55, fields: { path: "text", early: "bool" } },
  label: { code: 56, fields: { proc: "i32", file: "text", text: "text" } },
  "no-new-privs": { code: 57, fields: {} },
  seccomp: { code: 58, fields: { flags: "u32", filter: "bytes", listener: "bool" } },
  sync: { code: 59, fields: { message: "u32" } },
  "find-program": { code: 60, fields: { name: "text", path: "text" } },
  "hand-over": { code: 61, fields: { keep: "i32s" } },
  "wait-start": { code: 62, fields: { proc: "i32", fifo: "i32" } },
  hook: {
    code: 63,
    fields: {
      kind: "text",
      path: "text",
      args: "texts",
      env: "texts",
      timeoutMs: "u32",
      stateHead: "text",
      stateTail: "text",
    },
  },
  execve: { code: 64, fields: { args: "texts", env: "texts" } },
  tell: { code: 65, fields: { message: "u32" } },
  "await-go": { code: 66, fields: {} },
  "memory-policy": { code: 67, fields: { mode: "u32", nodes: "bytes" } },
  loopback: { code: 68, fields: {} },
  "net-device": { code: 69, fields: { name: "text", newName: "text" } },
  "close-others": { code: 70, fields: { keep: "i32s" } },
};
