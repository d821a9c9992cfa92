import type { FieldReader } from "./field_reader.ts";
import type { ContainerSecurity, PodSecurity, SeccompSpec } from "./pod.ts";

const MAX_ID = 2 ** 31 - 1;

/** Reads a container's securityContext. */
export function readContainerSecurity(container: FieldReader): ContainerSecurity {
  const read = container.object("securityContext", (fields) => {
    fields.pass("seLinuxOptions", "appArmorProfile", "procMount", "windowsOptions");
    const privileged = fields.boolean("privileged");
    const allowEscalation = fields.optionalBoolean("allowPrivilegeEscalation");
    if (privileged && allowEscalation === false) {
      fields.error(
        "",
        "Invalid value: cannot set allowPrivilegeEscalation to false and privileged",
      );
    }
    const capabilities = fields.object("capabilities", (both) => ({
      addCapabilities: both.strings("add"),
      dropCapabilities: both.strings("drop"),
    }));
    return {
      ...readIdentity(fields),
      privileged,
      readOnlyRoot: fields.boolean("readOnlyRootFilesystem"),
      ...(allowEscalation !== undefined && { allowEscalation }),
      addCapabilities: capabilities?.addCapabilities ?? [],
      dropCapabilities: capabilities?.dropCapabilities ?? [],
    };
  });
  const nothing = { privileged: false, readOnlyRoot: false };
  return read ?? { ...nothing, addCapabilities: [], dropCapabilities: [] };
}

/** Reads the pod's securityContext. */
export function readPodSecurity(spec: FieldReader): PodSecurity {
  const read = spec.object("securityContext", (fields) => {
    fields.pass("seLinuxOptions", "appArmorProfile", "windowsOptions");
    fields.pass("fsGroupChangePolicy", "supplementalGroupsPolicy", "seLinuxChangePolicy");
    const fsGroup = fields.integer("fsGroup", { min: 0, max: MAX_ID });
    const sysctls = fields.objects("sysctls", (sysctl) => [
      sysctl.needString("name"),
      sysctl.needString("value"),
    ]);
    return {
      ...readIdentity(fields),
      supplementalGroups: fields.integers("supplementalGroups"),
      sysctls: Object.fromEntries(sysctls) as Record<string, string>,
      ...(fsGroup !== undefined && { fsGroup }),
    };
  });
  return read ?? { supplementalGroups: [], sysctls: {} };
}

function readIdentity(fields: FieldReader) {
  const runAsUser = fields.integer("runAsUser", { min: 0, max: MAX_ID });
  const runAsGroup = fields.integer("runAsGroup", { min: 0, max: MAX_ID });
  const runAsNonRoot = fields.optionalBoolean("runAsNonRoot");
  const seccomp = fields.object("seccompProfile", readSeccomp);
  return {
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    ...(runAsNonRoot !== undefined && { runAsNonRoot }),
    ...(seccomp && { seccomp }),
  };
}

function readSeccomp(fields: FieldReader): SeccompSpec {
  const type = fields.choice("type", ["RuntimeDefault", "Unconfined", "Localhost"] as const);
  if (!fields.has("type")) fields.error("type", "Required value");
  const profile = fields.string("localhostProfile");
  if (type === "Localhost" && !profile) fields.error("localhostProfile", "Required value");
  return { type: type ?? "RuntimeDefault", ...(profile && { profile }) };
}
