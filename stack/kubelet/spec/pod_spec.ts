import { readContainer } from "./container_spec.ts";
import type { FieldReader } from "./field_reader.ts";
import type { PodSpec } from "./pod.ts";
import { readPodSecurity } from "./security_spec.ts";
import { readVolumes } from "./volume_spec.ts";

const DEFAULT_GRACE_SECONDS = 30;

/** What schedulers and controllers read of a pod, and no node agent. */
const OF_OTHERS = [
  ...["affinity", "tolerations", "nodeSelector", "nodeName", "schedulerName", "schedulingGates"],
  ...["topologySpreadConstraints", "priority", "priorityClassName", "preemptionPolicy"],
  ...["readinessGates", "enableServiceLinks", "serviceAccount", "automountServiceAccountToken"],
  ...["imagePullSecrets", "os", "overhead", "setHostnameAsFQDN", "resourceClaims", "hostUsers"],
  ...["resources"],
];

/** Reads a pod's `spec` with its defaults; what is wrong is noted with the reader's findings. */
export function readPodSpec(spec: FieldReader): PodSpec {
  spec.pass(...OF_OTHERS);
  refuseEphemeral(spec);
  const volumes = readVolumes(spec);
  const scope = {
    volumes: new Set(volumeNames(spec)),
    names: new Set<string>(),
  };
  const initContainers = spec.objects("initContainers", (fields) =>
    readContainer(fields, { ...scope, init: true }),
  );
  const containers = spec.objects("containers", (fields) =>
    readContainer(fields, { ...scope, init: false }),
  );
  if (containers.length === 0) spec.error("containers", "Required value");
  const deadline = spec.integer("activeDeadlineSeconds", { min: 1 });
  const hostname = spec.string("hostname");
  const subdomain = spec.string("subdomain");
  const policy = spec.choice("restartPolicy", ["Always", "OnFailure", "Never"] as const);
  return {
    initContainers,
    containers,
    volumes,
    restartPolicy: policy ?? "Always",
    terminationGraceSeconds:
      spec.integer("terminationGracePeriodSeconds", { min: 0 }) ?? DEFAULT_GRACE_SECONDS,
    ...(deadline !== undefined && { activeDeadlineSeconds: deadline }),
    hostNetwork: spec.boolean("hostNetwork"),
    hostPid: spec.boolean("hostPID"),
    hostIpc: spec.boolean("hostIPC"),
    shareProcesses: spec.boolean("shareProcessNamespace"),
    ...(hostname && { hostname }),
    ...(subdomain && { subdomain }),
    ...readNames(spec),
    serviceAccountName: spec.string("serviceAccountName") ?? "",
    runtimeHandler: spec.string("runtimeClassName") ?? "",
    security: readPodSecurity(spec),
  };
}

function refuseEphemeral(spec: FieldReader): void {
  if (!spec.has("ephemeralContainers")) return;
  spec.error("ephemeralContainers", "Forbidden: only a running pod of an API server can have them");
}

/** All names that mounts may use, also those of volumes that were refused: one error is enough. */
function volumeNames(spec: FieldReader): string[] {
  const list = spec.raw("volumes");
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) => String((item as { name?: unknown } | null)?.name));
}

function readNames(spec: FieldReader) {
  const policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] as const;
  const dns = spec.object("dnsConfig", (fields) => ({
    servers: fields.strings("nameservers"),
    searches: fields.strings("searches"),
    options: fields.objects("options", (option) => {
      const name = option.needString("name");
      const value = option.string("value");
      return value === undefined ? name : `${name}:${value}`;
    }),
  }));
  const dnsPolicy = spec.choice("dnsPolicy", policies) ?? "ClusterFirst";
  if (dnsPolicy === "None" && (dns?.servers.length ?? 0) === 0) {
    spec.error("dnsConfig.nameservers", "Required value: must provide one when dnsPolicy is None");
  }
  return {
    dnsPolicy,
    dns: dns ?? { servers: [], searches: [], options: [] },
    hostAliases: spec.objects("hostAliases", (alias) => ({
      ip: alias.needString("ip"),
      hostnames: alias.strings("hostnames"),
    })),
  };
}
