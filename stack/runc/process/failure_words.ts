import { errnoName } from "#lib/linux/errno_name.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import type { Operation } from "#wire/init-pipe/operation.ts";
import type { InitReport } from "#wire/init-pipe/report.ts";
import { RLIMITS } from "../spec/linux_constants.ts";

/** Text in double quotes, as Go's %q writes it. */
const quoted = (text: string) => JSON.stringify(text);

/**
 * What runc 1.1 says when the step that this operation performs fails with that errno, without the
 * prefix that a launch has. Parents and scripts match these words.
 */
export function runcWords(operation: Operation, report: InitReport, create: boolean): string {
  const errno = errnoName(report.errno);
  const text = errnoText(errno);
  switch (operation.op) {
    case "find-program":
      return findWords(operation.name, errno, text);
    case "execve":
      return `exec ${operation.args[0]}: ${text}`;
    case "chdir":
      return chdirWords(operation.path, errno, text);
    case "rlimit": {
      const step = create
        ? "error during container init: error setting rlimits for ready process"
        : "error setting rlimits for process";
      return `${step}: error setting rlimit type ${operation.resource}: ${text}`;
    }
    case "user":
      return `unable to setup user: ${report.detail || "setuid"}: ${text}`;
    case "bounding-set":
      return `unable to apply bounding set: ${text}`;
    case "capabilities":
      return `unable to apply caps: ${text}`;
    case "seccomp":
      return (
        "unable to init seccomp: error loading seccomp filter into kernel: " +
        `error loading seccomp filter: errno ${report.errno}`
      );
    case "sync":
    case "tell":
    case "await-go":
    case "clone-child":
    case "clone-grandchild":
      return `unable to create the process: ${text}`;
    case "pids-check":
      return `the cgroup has no room for one more process: ${text}`;
    case "cgroup-join":
    case "cgroup-join-uncharged":
      return `error adding pid ${report.pids.grandchild} to cgroups: ${text}`;
    case "open":
      return isCgroupFile(operation.path)
        ? `error adding pid ${report.pids.parent} to cgroups: open ${operation.path}: ${text}`
        : `open ${operation.path}: ${text}`;
    case "net-device":
      return deviceWords(operation, report, text);
    case "terminal":
      return `${report.detail ? `open ${report.detail}` : "open console"}: ${text}`;
    case "keyring":
      return `unable to join session keyring: unable to create session key: ${text}`;
    default:
      return create
        ? `error during container init: ${rootWords(operation, report, text)}`
        : `${operation.op}: ${text}`;
  }
}

/** By which a process joins a cgroup, or the folder itself. */
export function isCgroupFile(path: string): boolean {
  return path.startsWith("/sys/fs/cgroup/");
}

function findWords(name: string, errno: string, text: string): string {
  if (errno === "ENOENT" && !name.includes("/")) {
    return `exec: ${quoted(name)}: executable file not found in $PATH`;
  }
  if (errno === "ENOENT" || errno === "ENOTDIR")
    return `exec: ${quoted(name)}: stat ${name}: ${text}`;
  return `exec: ${quoted(name)}: ${text}`;
}

function chdirWords(path: string, errno: string, text: string): string {
  if (errno === "EXDEV") {
    return (
      "current working directory is outside of container mount namespace root" +
      " -- possible container breakout detected"
    );
  }
  return `chdir to cwd (${quoted(path)}) set in config.json failed: ${text}`;
}

/** Steps that build the root. */
function rootWords(operation: Operation, report: InitReport, text: string): string {
  switch (operation.op) {
    case "mount":
    case "mount-text":
      return mountWords(operation, report, text);
    case "bind":
      return bindWords(operation, report, text);
    case "mknod":
      return `error creating device nodes: mknod ${operation.path}: ${text}`;
    case "symlink":
      return `error setting up /dev symlinks: symlink ${operation.path}: ${text}`;
    case "propagation":
    case "root-bind":
    case "root-open":
      return `error preparing rootfs: ${operation.path}: ${text}`;
    case "pivot-root":
      return `error jailing process inside rootfs: pivot_root .: ${text}`;
    case "move-root":
    case "change-root":
    case "uncover":
      return `error jailing process inside rootfs: ${text}`;
    case "reopen-null":
      return `error reopening /dev/null inside container: open /dev/null: ${text}`;
    case "mask":
      return `can't mask path ${operation.path}: ${text}`;
    case "readonly-path":
      return `can't make ${quoted(operation.path)} read-only: ${text}`;
    case "remount-readonly":
      return operation.target === "/"
        ? `error setting rootfs as readonly: ${text}`
        : `remount ${operation.target}: ${text}`;
    case "sysctl":
      return `open /proc/sys/${operation.path}: ${text}`;
    case "hostname":
      return `sethostname: ${text}`;
    case "domainname":
      return `setdomainname: ${text}`;
    case "label":
      return (
        "unable to apply apparmor profile: apparmor failed to apply profile: " +
        `write /proc/self/${operation.file}: ${text}`
      );
    case "mkdir":
      return `mkdir ${operation.path}: ${text}`;
    case "unshare":
      return `failed to unshare namespaces: ${text}`;
    case "join-namespace":
      return `failed to join namespace: ${text}`;
    case "hook":
      return hookWords(operation, report, text);
    default:
      return `${operation.op}: ${text}`;
  }
}

/** Moving a network device; init tells at which step it failed. */
function deviceWords(
  operation: Extract<Operation, { op: "net-device" }>,
  report: InitReport,
  text: string,
): string {
  const { name } = operation;
  const namespace = `/proc/${report.pids.grandchild}/ns/net`;
  const what = report.detail.startsWith("link not found") ? "Link not found" : text;
  const step = report.detail.replace("%", name).replace("&", namespace);
  return (
    "error creating network interfaces: " +
    `move netDevice ${name} to namespace ${namespace}: ${step}: ${what}`
  );
}

type MountOperation = Extract<Operation, { op: "mount" | "mount-text" }>;

function mountWords(operation: MountOperation, report: InitReport, text: string): string {
  const { source, target, type } = operation;
  const step = `error mounting ${quoted(source)} to rootfs at ${quoted(target)}`;
  if (
    operation.op === "mount" &&
    operation.plain &&
    ["ELOOP", "ENOTDIR"].includes(errnoName(report.errno))
  ) {
    return `${step}: filesystem ${quoted(type)} must be mounted on ordinary directory`;
  }
  return `${step}: mount ${source}:${target}: ${text}`;
}

function bindWords(
  operation: Extract<Operation, { op: "bind" }>,
  report: InitReport,
  text: string,
): string {
  const { source, target } = operation;
  const step = `error mounting ${quoted(source)} to rootfs at ${quoted(target)}`;
  if (report.detail === source) return `${step}: stat ${source}: ${text}`;
  if (/^\/proc\/./.test(target) && errnoName(report.errno) === "EPERM") {
    return `${step}: ${quoted(target)} cannot be mounted because it is inside /proc`;
  }
  if (target === "/proc" && errnoName(report.errno) === "EPERM") {
    return `${step}: ${quoted(target)} cannot be mounted because it is not of type proc`;
  }
  return `${step}: mount ${source}:${target}: ${text}`;
}

function hookWords(
  operation: Extract<Operation, { op: "hook" }>,
  report: InitReport,
  text: string,
): string {
  const status = report.hookStatus;
  const signal = status & 0x7f;
  const ended = signal !== 0 ? `signal: ${signal}` : `exit status ${(status >> 8) & 0xff}`;
  const what = errnoName(report.errno) === "ECHILD" ? ended : text;
  const output = `stdout: , stderr: ${report.detail}`;
  return `error running ${operation.kind}: error running hook: ${what}, ${output}`;
}

/** The resource of an rlimit operation, for a fix. */
export const rlimitName = (resource: number) => RLIMITS[resource] ?? `resource ${resource}`;
