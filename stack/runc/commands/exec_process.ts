import { readText } from "#lib/linux/file.ts";
import type { Process } from "../spec/spec_types.ts";
import { checkProcess, parseObject, readBundle } from "./bundle_config.ts";
import { refuse } from "./command_failure.ts";
import type { Flags } from "./flag_parse.ts";

/** As far as runc lets ids go. */
const MAX_ID = 2 ** 31 - 1;

/** `--user UID[:GID]`. */
function applyUser(process: Process, text: string): void {
  const colon = text.indexOf(":");
  const number = (value: string, what: string) => {
    const why = `parsing ${value} as int for ${what} failed`;
    if (!/^[+-]?\d+$/.test(value)) {
      const detail = `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`;
      throw refuse("exec", `${why}: ${detail}`, "invalid_argument");
    }
    if (Number(value) >= 0 && Number(value) <= MAX_ID) return Number(value);
    const range = `unable to setup user: uids and gids must be in range 0-${MAX_ID}`;
    throw refuse("exec", `unable to start container process: ${range}`, "invalid_argument");
  };
  if (colon >= 0) process.user.gid = number(text.slice(colon + 1), "gid");
  process.user.uid = number(colon < 0 ? text : text.slice(0, colon), "uid");
}

function applyCapabilities(process: Process, names: string[]): void {
  if (names.length === 0) return;
  process.capabilities ??= {};
  for (const set of ["bounding", "effective", "permitted", "ambient"] as const) {
    process.capabilities[set] = [...(process.capabilities[set] ?? []), ...names];
  }
}

/**
 * The process that `exec` is to start: `--process FILE`, or the container's own with the program
 * and what flags say in its place.
 */
export function execProcess(flags: Flags, program: string[], bundle: string): Process {
  const file = flags.text("process");
  if (file) {
    const process = parseObject(readText(file), file) as Process;
    checkProcess(process);
    return process;
  }
  if (program.length === 0) {
    throw refuse("exec", "process args cannot be empty", "invalid_argument");
  }
  const process = readBundle(bundle).process!;
  process.args = program;
  if (flags.text("cwd")) process.cwd = flags.text("cwd");
  if (flags.text("apparmor")) process.apparmorProfile = flags.text("apparmor");
  if (flags.text("process-label")) process.selinuxLabel = flags.text("process-label");
  applyCapabilities(process, flags.list("cap"));
  process.env = [...(process.env ?? []), ...flags.list("env")];
  process.terminal = flags.on("tty");
  if (flags.has("no-new-privs")) process.noNewPrivileges = flags.on("no-new-privs");
  if (flags.text("user")) applyUser(process, flags.text("user"));
  for (const gid of flags.list("additional-gids")) {
    if (Number(gid) < 0) {
      throw refuse("exec", `additional-gids must be a positive number ${gid}`, "invalid_argument");
    }
    process.user.additionalGids = [...(process.user.additionalGids ?? []), Number(gid)];
  }
  checkProcess(process);
  return process;
}

/** `--cgroup [CONTROLLER[,CONTROLLER]:]PATH`, by controller; "" is all of them. */
export function subCgroups(given: string[]): Record<string, string> | undefined {
  if (given.length === 0) return undefined;
  const out: Record<string, string> = {};
  for (const item of given) {
    const parts = item.split(":");
    if (parts.length > 2) {
      throw refuse("exec", `invalid --cgroup argument: ${item}`, "invalid_argument");
    }
    if (parts.length === 1) {
      if (given.length > 1) {
        const why = `invalid --cgroup argument: ${item} (missing <controller>: prefix)`;
        throw refuse("exec", why, "invalid_argument");
      }
      out[""] = item;
      continue;
    }
    for (const controller of parts[0]!.split(",")) out[controller] = parts[1]!;
  }
  return out;
}
