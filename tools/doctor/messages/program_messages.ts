import type { KnownMessage } from "./known_message.ts";

/** Messages about the program, its user, its folder and its mounts. */
export const PROGRAM_MESSAGES: readonly KnownMessage[] = [
  {
    pattern: /executable file (`[^`]*` )?not found in \$PATH/i,
    meaning: "no folder of PATH in the container holds the program",
    links: ["runc", "image"],
    causes: [
      { id: "exec-not-found", evidence: "the program in /proc/INIT/root, folder by folder" },
    ],
  },
  {
    pattern: /exec format error/i,
    meaning: "the kernel does not know the file's format (ENOEXEC)",
    links: ["kernel"],
    causes: [{ id: "exec-format", evidence: "the file's first bytes and e_machine" }],
  },
  {
    pattern: /chdir to (cwd|`)/i,
    meaning: "the working folder cannot be entered in the container",
    links: ["runc init"],
    causes: [{ id: "cwd-missing", evidence: "stat of the folder in the rootfs" }],
  },
  {
    pattern: /unable to find (user|group)|no matching entries in (passwd|group) file/i,
    meaning: "the user or group is not in the image's own files",
    links: ["dockerd", "runc"],
    causes: [{ id: "user-unknown", evidence: "grep in /etc/passwd or /etc/group of the rootfs" }],
  },
  {
    pattern: new RegExp(
      "bind source path does not exist|error while creating mount source path" +
        '|error mounting "[^"]*"[^\\n]*: stat [^\\n]*no such file|mount `[^`]*` to `',
      "i",
    ),
    meaning: "the host has no such file or folder to mount",
    links: ["dockerd", "runc init"],
    causes: [{ id: "bind-source-missing", evidence: "stat of the source on the host" }],
  },
  {
    pattern: /error closing exec fds|\/proc\/self\/fd/i,
    meaning: "init has no procfs to list its own descriptors",
    links: ["runc init"],
    causes: [{ id: "proc-unmounted", evidence: "/proc in /proc/INIT/mountinfo" }],
  },
  {
    pattern: /open \/dev\/ptmx|\/dev\/pts?\/ptmx/i,
    meaning: "no terminal can be opened in the container",
    links: ["runc init"],
    causes: [{ id: "ptmx-missing", evidence: "dev/ptmx in /proc/INIT/root" }],
  },
  {
    pattern: /read-only file system/i,
    meaning: "a write met a mount that is read-only (EROFS)",
    links: ["mount", "container"],
    causes: [{ id: "read-only-fs", evidence: "the mount's options in /proc/INIT/mountinfo" }],
  },
  {
    pattern: /apparmor.*(not loaded|failed)|apparmor failed to apply profile/i,
    meaning: "the AppArmor profile is not in the kernel",
    links: ["runc init"],
    causes: [{ id: "apparmor-missing", evidence: "/sys/kernel/security/apparmor/profiles" }],
  },
  {
    pattern: /blocked for more than \d+ seconds/i,
    meaning: "the kernel saw a process wait for two minutes where no signal reaches it",
    links: ["kernel"],
    causes: [
      { id: "d-state", evidence: "State D and /proc/PID/stack of the process it names" },
      { id: "storage-hung", evidence: "a mount whose server does not answer" },
    ],
  },
  {
    pattern: /nfs: server .* not responding/i,
    meaning: "a file server is silent: whoever touches its mount waits",
    links: ["kernel"],
    causes: [{ id: "storage-hung", evidence: "`timeout 2 stat` of the mount point" }],
  },
  {
    pattern: /port is already allocated|address already in use/i,
    meaning: "somebody else listens on the port",
    links: ["dockerd"],
    causes: [{ id: "port-taken", evidence: "who listens: ss -ltnp" }],
  },
  {
    pattern: new RegExp(
      'exec: "[^"]*": (stat [^:]*: )?no such file or directory' +
        "|exec [^ ]+: no such file or directory|exec user process caused:? .?no such file" +
        "|missing dynamic library",
      "i",
    ),
    meaning: "the program, or the interpreter that it names, is missing",
    links: ["image", "kernel"],
    causes: [
      { id: "exec-not-found", evidence: "stat of the path in the rootfs" },
      { id: "bad-interpreter", evidence: "the file is there: its #! line or PT_INTERP" },
    ],
  },
  {
    pattern: new RegExp(
      "(exec|starting container process).*permission denied|permission denied: unknown" +
        '|exec: "[^"]*": is a directory|open executable: permission denied',
      "i",
    ),
    meaning: "the file may not be executed, or is a folder",
    links: ["image"],
    causes: [{ id: "exec-not-executable", evidence: "mode and type of the file in the rootfs" }],
  },
];
