import { readTextIfAny, statFile } from "#lib/linux/file.ts";
import { unescapeMount } from "#lib/linux/mount_text.ts";
import type { HostFacts } from "../spec/plan_inputs.ts";
import type { Process, Spec } from "../spec/spec_types.ts";

/** Clock sources that the vDSO reads by itself. */
const PLAIN_CLOCKS = new Set([
  "tsc",
  "kvm-clock",
  "hyperv_clocksource_tsc_page",
  "arch_sys_counter",
]);
const APPARMOR_ENABLED = "/sys/module/apparmor/parameters/enabled";
const CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/** Options of a v1 hierarchy that name no controller of it, beside the release agent. */
const NOT_CONTROLLERS = new Set(["rw", "ro", "xattr", "clone_children"]);
const NOT_UNIFIED_FLAGS = new Set(["rw", "ro", "seclabel"]);
/** The id map of who is in no user namespace but the first. */
const ALL_IDS = "0 0 4294967295";

const UNLIMITED = 0xffffffffffffffffn;

export interface MountInfo {
  root: string;
  mountpoint: string;
  shared: boolean;
  type: string;
  superOptions: string[];
}

/** What of the host a plan will ask for: the rest is not read. */
export interface WantedFacts {
  /** Left out for an exec, which mounts nothing. */
  rootfs?: string;
  /** Whether the clock is read behind a seccomp filter. */
  clock: boolean;
  /** Whether the process has no RLIMIT_NOFILE of its own. */
  nofile: boolean;
  /** Whether the process has a label of a security module. */
  labels: boolean;
}

/** Which facts a spec needs. */
export function wantedFacts(
  spec: Spec,
  process: Process | undefined,
  rootfs?: string,
): WantedFacts {
  let nofile = true;
  for (const { type } of process?.rlimits ?? []) if (type === "RLIMIT_NOFILE") nofile = false;
  const labels = Boolean(process?.apparmorProfile || process?.selinuxLabel);
  const wanted: WantedFacts = { clock: spec.linux?.seccomp !== undefined, nofile, labels };
  if (rootfs !== undefined) wanted.rootfs = rootfs;
  return wanted;
}

/** What an exec wants does not change while this process lives: it is read once. */
const execFacts = new Map<string, HostFacts>();

/** The facts for an exec, which wants none of the file system. */
export function execHostFacts(wanted: WantedFacts): HostFacts {
  const { clock, nofile, labels } = wanted;
  const key = `${clock} ${nofile} ${labels}`;
  let facts = execFacts.get(key);
  if (!facts) {
    facts = readHostFacts({ clock, nofile, labels });
    execFacts.set(key, facts);
  }
  return facts;
}

/** Reads what a plan depends on. */
export function readHostFacts({ rootfs, clock, nofile, labels }: WantedFacts): HostFacts {
  const status = readTextIfAny("/proc/self/status") ?? "";
  const facts: HostFacts = {
    uid: process.geteuid!(),
    permitted: statusMask(status, "CapPrm:\t"),
    bounding: statusMask(status, "CapBnd:\t"),
    clockWithoutSyscall: !clock || PLAIN_CLOCKS.has((readTextIfAny(CLOCK_SOURCE) ?? "").trim()),
    cgroupMounts: [],
    pureV2: false,
    unifiedFlags: [],
    pseudoMounts: [],
    selinux: false,
    kcore: true,
    inUserNamespace: false,
  };
  const limit = nofile ? originalNofile() : undefined;
  if (limit) facts.nofile = limit;
  if (rootfs !== undefined) addMountFacts(facts, rootfs);
  if (facts.uid !== 0) addMapTools(facts);
  if (labels) addLabelFacts(facts);
  return facts;
}

function addLabelFacts(facts: HostFacts): void {
  if ((readTextIfAny(APPARMOR_ENABLED) ?? "").startsWith("Y")) {
    const own = statFile("/proc/self/attr/apparmor/exec");
    facts.apparmorFile = own ? "attr/apparmor/exec" : "attr/exec";
  }
  facts.selinux = statFile("/sys/fs/selinux/enforce") !== undefined;
}

/** Where setuid programs are installed: the caller's PATH is not trusted with them. */
const TOOL_FOLDERS = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];

function addMapTools(facts: HostFacts): void {
  const find = (name: string) =>
    TOOL_FOLDERS.map((folder) => `${folder}/${name}`).find((path) => statFile(path));
  const uid = find("newuidmap");
  const gid = find("newgidmap");
  if (uid && gid) facts.mapTools = { uid, gid };
}

/** A mask of sixteen hexadecimal digits in /proc/PID/status. */
function statusMask(status: string, name: string): bigint {
  const at = status.indexOf(name);
  return at < 0 ? 0n : BigInt(`0x${status.slice(at + name.length, at + name.length + 16)}`);
}

/** What only building a root needs: mounts, the file system's helpers, our own user namespace. */
function addMountFacts(facts: HostFacts, rootfs: string): void {
  const mounts = parseMountInfo(readTextIfAny("/proc/self/mountinfo") ?? "");
  for (const mount of mounts) {
    if (mount.type === "cgroup") {
      const controllers = mount.superOptions.filter(
        (option) => !NOT_CONTROLLERS.has(option) && !option.startsWith("release_agent="),
      );
      facts.cgroupMounts.push({ controllers, mountpoint: mount.mountpoint });
    }
    const pseudo = mount.type === "proc" || mount.type === "sysfs";
    if (pseudo && mount.root === "/" && !isBelow(mount.mountpoint, rootfs)) {
      facts.pseudoMounts.push(mount.mountpoint);
    }
  }
  const unified = mounts.find(
    ({ type, mountpoint }) => type === "cgroup2" && mountpoint === "/sys/fs/cgroup",
  );
  facts.pureV2 = unified !== undefined;
  facts.unifiedFlags =
    unified?.superOptions.filter((option) => !NOT_UNIFIED_FLAGS.has(option)) ?? [];
  const parent = parentMount(mounts, rootfs);
  if (parent) facts.rootMount = { path: parent.mountpoint, shared: parent.shared };
  facts.kcore = statFile("/proc/kcore") !== undefined;
  const ids = (readTextIfAny("/proc/self/uid_map") ?? "").trim().split(" ");
  facts.inUserNamespace = ids.filter((word) => word !== "").join(" ") !== ALL_IDS;
}

/**
 * RLIMIT_NOFILE as we were started with it: Bun raised the soft limit, to the hard one. Whoever
 * started us says it in CATENA_NOFILE, or still has it itself; a daemon that was left to init has
 * nobody to ask, and its containers keep the raised limit.
 */
function originalNofile(): HostFacts["nofile"] {
  const [, own] = nofileOf("self") ?? [];
  const said = process.env["CATENA_NOFILE"];
  const soft =
    said !== undefined && /^\d+$/.test(said)
      ? BigInt(said)
      : process.ppid > 1
        ? nofileOf(String(process.ppid))?.[0]
        : undefined;
  if (own === undefined || soft === undefined) return undefined;
  return { soft: soft < own ? soft : own, hard: own };
}

/** Soft and hard limit of a process; unlimited is the largest number. */
function nofileOf(pid: string): [bigint, bigint] | undefined {
  const limits = readTextIfAny(`/proc/${pid}/limits`);
  const line = limits?.match(/^Max open files\s+(\S+)\s+(\S+)/m);
  if (!line) return undefined;
  const value = (text: string) => (text === "unlimited" ? UNLIMITED : BigInt(text));
  return [value(line[1]!), value(line[2]!)];
}

/** /proc/PID/mountinfo, in its order. */
export function parseMountInfo(text: string): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of text.split("\n")) {
    const [before, after] = line.split(" - ");
    if (after === undefined) continue;
    const fields = before!.split(" ");
    const [type = "", , superOptions = ""] = after.split(" ");
    mounts.push({
      root: fields[3] ?? "",
      mountpoint: unescapeMount(fields[4] ?? ""),
      shared: fields.slice(6).some((field) => field.startsWith("shared:")),
      type,
      superOptions: superOptions.split(","),
    });
  }
  return mounts;
}

function parentMount(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  let best: MountInfo | undefined;
  for (const mount of mounts) {
    if (!isBelow(path, mount.mountpoint)) continue;
    if (!best || mount.mountpoint.length >= best.mountpoint.length) best = mount;
  }
  return best;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
