import { join } from "node:path";
import type { Facts, SecurityFacts } from "../facts.ts";
import type { HostFiles } from "../host/host_files.ts";

const PROFILES = "/sys/kernel/security/apparmor/profiles";
const MAX_USER_NAMESPACES = "/proc/sys/user/max_user_namespaces";
const MAX_TABLE_BYTES = 1024 * 1024;

/** What a container asks of the kernel's security, and what the kernel holds. */
export function collectSecurity(files: HostFiles, facts: Facts): SecurityFacts {
  const bundle = facts.shim?.bundle;
  const spec = bundle === undefined ? undefined : files.json(join(bundle, "config.json"));
  const { process, linux } = (spec ?? {}) as {
    process?: { apparmorProfile?: unknown };
    linux?: { namespaces?: { type?: unknown }[] };
  };
  const told = process?.apparmorProfile ?? facts.docker?.inspect?.apparmorProfile;
  const wantsUser = Array.isArray(linux?.namespaces)
    ? linux.namespaces.some((one) => one?.type === "user")
    : undefined;
  const out: SecurityFacts = {};
  if (typeof told === "string" && told !== "") out.apparmorProfile = told;
  const loaded = files.read(PROFILES, MAX_TABLE_BYTES);
  if (loaded !== undefined) out.apparmorLoaded = readProfiles(loaded);
  if (wantsUser !== undefined) out.wantsUserNamespace = wantsUser;
  const most = Number(files.read(MAX_USER_NAMESPACES, 64)?.trim() || Number.NaN);
  if (!Number.isNaN(most)) out.maxUserNamespaces = most;
  return out;
}

/** Lines of "name (mode)"; a name may hold spaces. */
function readProfiles(text: string): string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replace(/ \([a-z]+\)$/, ""));
}
