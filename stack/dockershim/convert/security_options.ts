import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import {
  type LinuxContainerSecurityContext,
  type LinuxSandboxSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SELinuxOption,
  type SecurityProfile,
} from "#gen/wire/cri/proto/security_pb.ts";
import { invalid, refuse } from "../refusals.ts";

const op = "convert security context";
const MAX_PROFILE_BYTES = 4 * 1024 * 1024;

type Context = LinuxContainerSecurityContext | LinuxSandboxSecurityContext;

/**
 * Docker's SecurityOpt for a pod or container. Without a seccomp profile nothing is filtered, as
 * Kubernetes means it; a privileged one has neither seccomp nor AppArmor.
 */
export function securityOptions(context: Context, hostHasAppArmor = readAppArmor()): string[] {
  const out: string[] = [];
  if (context.privileged) out.push("seccomp=unconfined");
  else out.push(...seccompOption(context), ...appArmorOption(context, hostHasAppArmor));
  if ("noNewPrivs" in context && context.noNewPrivs) out.push("no-new-privileges");
  if (context.selinuxOptions) out.push(...seLinuxOptions(context.selinuxOptions));
  return out;
}

/** The profile of either form: the one with a type, or the older text. */
function seccompOption(context: Context): string[] {
  const { seccomp, seccompProfilePath } = context;
  if (seccomp) return profileOption(seccomp);
  if (seccompProfilePath === "" || seccompProfilePath === "unconfined") {
    return ["seccomp=unconfined"];
  }
  if (/^(runtime|docker)\/default$/.test(seccompProfilePath)) return [];
  const path = seccompProfilePath.match(/^localhost\/(.+)$/)?.[1];
  if (path === undefined) throw invalid(op, `unknown seccomp profile: ${seccompProfilePath}`);
  return [`seccomp=${readProfile(path)}`];
}

function profileOption({ profileType, localhostRef }: SecurityProfile): string[] {
  switch (profileType) {
    case ProfileType.RuntimeDefault:
      return [];
    case ProfileType.Unconfined:
      return ["seccomp=unconfined"];
    case ProfileType.Localhost:
      return [`seccomp=${readProfile(localhostRef.replace(/^localhost\//, ""))}`];
    default:
      throw invalid(op, `unknown seccomp profile type: ${profileType}`);
  }
}

/** Docker takes the profile's text, on one line, and not its path. */
function readProfile(path: string): string {
  if (!isAbsolute(path)) throw invalid(op, `seccomp profile path must be absolute: ${path}`);
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > MAX_PROFILE_BYTES) throw new RangeError("it is too long");
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw refuse("invalid_argument", op, `cannot load seccomp profile ${path}: ${reason}`, {
      evidence: [{ kind: "path", value: reason, ref: path }],
    });
  }
}

function appArmorOption(context: Context, hostHasAppArmor: boolean): string[] {
  const profile = appArmorProfile(context);
  if (profile === "") return [];
  if (!hostHasAppArmor) {
    if (profile === "unconfined") return [];
    const message = `cannot use AppArmor profile ${profile}: apparmor is not enabled on the host`;
    throw refuse("failed_precondition", op, message, {
      fix: "boot with AppArmor, or take the profile out of the pod",
    });
  }
  return [`apparmor=${profile}`];
}

/** The name of the profile; "" for what the daemon does by itself. */
function appArmorProfile(context: Context): string {
  const { apparmor } = context;
  if (apparmor) {
    if (apparmor.profileType === ProfileType.RuntimeDefault) return "";
    if (apparmor.profileType === ProfileType.Unconfined) return "unconfined";
    return apparmor.localhostRef.replace(/^localhost\//, "");
  }
  const text = "apparmorProfile" in context ? context.apparmorProfile : "";
  if (text === "" || text === "runtime/default") return "";
  return text.replace(/^localhost\//, "");
}

function seLinuxOptions({ user, role, type, level }: SELinuxOption): string[] {
  return Object.entries({ user, role, type, level })
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `label=${key}:${value}`);
}

function readAppArmor(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
  } catch {
    return false;
  }
}
