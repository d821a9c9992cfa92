import { invalid } from "../refusals.ts";
import type { OciSeccomp } from "../spec/oci_types.ts";
import { defaultSeccomp } from "../spec/seccomp_default.ts";
import { parseSeccompProfile } from "../spec/seccomp_profile.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  apparmorProfile: string;
  /** Undefined: the default profile. */
  seccomp: string | undefined;
}

/** Reads `--security-opt`. What the host has no means for is refused, not ignored. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const op = "read security options";
  const out: SecurityOptions = { noNewPrivileges: false, apparmorProfile: "", seccomp: undefined };
  for (const option of options) {
    if (option === "no-new-privileges") {
      out.noNewPrivileges = true;
      continue;
    }
    const match = option.match(/^([a-z-]+)[=:]([\s\S]*)$/);
    if (!match) throw invalid(op, `invalid --security-opt 1: ${JSON.stringify(option)}`);
    const [, key, value = ""] = match;
    if (key === "seccomp") out.seccomp = value;
    else if (key === "apparmor") out.apparmorProfile = value;
    else if (key === "no-new-privileges") {
      if (!/^(true|false)$/.test(value)) {
        throw invalid(op, `invalid --security-opt 2: ${JSON.stringify(option)}`);
      }
      out.noNewPrivileges = value === "true";
    } else if (key === "systempaths" && value === "unconfined") {
      // The CLI itself turns this into empty MaskedPaths and ReadonlyPaths.
    } else if (key !== "label" || value !== "disable") {
      throw invalid(op, `invalid --security-opt 2: ${JSON.stringify(option)}`);
    }
  }
  if (out.apparmorProfile === "unconfined") out.apparmorProfile = "";
  return out;
}

/** The filter that goes into the spec; undefined for none. */
export function chooseSeccomp(
  options: SecurityOptions,
  privileged: boolean,
  capabilities: readonly string[],
  kernel: readonly [number, number],
): OciSeccomp | undefined {
  const { seccomp } = options;
  if (seccomp === "unconfined" || (privileged && seccomp === undefined)) return undefined;
  if (seccomp === undefined || seccomp === "builtin") return defaultSeccomp(capabilities, kernel);
  return parseSeccompProfile(seccomp, capabilities, kernel);
}
