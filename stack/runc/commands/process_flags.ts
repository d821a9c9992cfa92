import type { FlagSpec } from "./command_types.ts";

/** Flags that create and run share. */
export const BUNDLE_FLAGS: FlagSpec[] = [
  {
    name: "bundle",
    alias: "b",
    kind: "string",
    usage: "folder of the bundle; the current one unless named",
  },
  {
    name: "console-socket",
    kind: "string",
    usage: "unix socket that receives the terminal's master descriptor",
  },
  { name: "pid-file", kind: "string", usage: "file to write the process id to" },
  { name: "pidfd-socket", kind: "string", usage: "unix socket that receives the process's pidfd" },
  { name: "no-pivot", kind: "bool", usage: "no pivot_root, for a rootfs on a ramdisk" },
  { name: "no-new-keyring", kind: "bool", usage: "keep the caller's session keyring" },
  {
    name: "preserve-fds",
    kind: "int",
    usage: "how many more descriptors the process gets (beside stdio and LISTEN_FDS)",
    default: "0",
  },
];
