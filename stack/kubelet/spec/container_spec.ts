import { createHash } from "node:crypto";
import type { FieldReader } from "./field_reader.ts";
import { isDnsLabel, isEnvName, LABEL_RULE } from "./name_rules.ts";
import type { ContainerSpec, EnvSpec, MountSpec, PortSpec, PullPolicy } from "./pod.ts";
import { readHook, readProbe } from "./probe_spec.ts";
import { readResources } from "./resource_spec.ts";
import { readContainerSecurity } from "./security_spec.ts";
import { readFieldRef, readResourceRef } from "./volume_spec.ts";

/** What a container is checked against beyond itself. */
export interface ContainerScope {
  /** Names of the pod's volumes. */
  volumes: Set<string>;
  /** Names of containers read before: they share one space. */
  names: Set<string>;
  init: boolean;
}

/** Reads one of spec.containers or spec.initContainers. */
export function readContainer(fields: FieldReader, scope: ContainerScope): ContainerSpec {
  const name = readName(fields, scope.names);
  const sidecar = readSidecar(fields, scope.init);
  const image = fields.needString("image");
  if (image !== image.trim()) fields.invalid("image", image, "must not have whitespace around it");
  const probes = readProbes(fields, scope.init && !sidecar);
  const messagePolicy = fields.choice("terminationMessagePolicy", [
    "File",
    "FallbackToLogsOnError",
  ]);
  fields.pass("volumeDevices", "resizePolicy");
  return {
    name,
    // Of what was written, not of what was made of it: a later version may read more fields.
    hash: createHash("sha256").update(JSON.stringify(fields.value)).digest("hex").slice(0, 16),
    image,
    pullPolicy: readPullPolicy(fields, image),
    command: fields.strings("command"),
    args: fields.strings("args"),
    workingDir: fields.string("workingDir") ?? "",
    env: readEnv(fields),
    ports: readPorts(fields),
    resources: readResources(fields),
    mounts: readMounts(fields, scope.volumes),
    security: readContainerSecurity(fields),
    ...probes,
    terminationMessagePath: fields.string("terminationMessagePath") || "/dev/termination-log",
    messageFromLogs: messagePolicy === "FallbackToLogsOnError",
    stdin: fields.boolean("stdin"),
    stdinOnce: fields.boolean("stdinOnce"),
    tty: fields.boolean("tty"),
    sidecar,
  };
}

function readName(fields: FieldReader, names: Set<string>): string {
  const name = fields.needString("name");
  if (name !== "" && !isDnsLabel(name)) fields.invalid("name", name, LABEL_RULE);
  if (names.has(name)) fields.error("name", `Duplicate value: ${JSON.stringify(name)}`);
  names.add(name);
  return name;
}

function readSidecar(fields: FieldReader, init: boolean): boolean {
  if (!fields.has("restartPolicy")) return false;
  if (!init) {
    fields.error("restartPolicy", "Forbidden: may not be set for non-init containers");
    return false;
  }
  return fields.choice("restartPolicy", ["Always"]) === "Always";
}

function readProbes(fields: FieldReader, forbidden: boolean) {
  if (forbidden) {
    for (const name of ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"]) {
      if (!fields.has(name)) continue;
      fields.error(
        name,
        "Forbidden: may not be set for init containers without restartPolicy=Always",
      );
    }
    return {};
  }
  const liveness = readProbe(fields, "livenessProbe", "liveness");
  const readiness = readProbe(fields, "readinessProbe", "readiness");
  const startup = readProbe(fields, "startupProbe", "startup");
  const hooks = fields.object("lifecycle", (lifecycle) => {
    lifecycle.pass("stopSignal");
    const postStart = readHook(lifecycle, "postStart");
    const preStop = readHook(lifecycle, "preStop");
    return { ...(postStart && { postStart }), ...(preStop && { preStop }) };
  });
  return {
    ...(liveness && { liveness }),
    ...(readiness && { readiness }),
    ...(startup && { startup }),
    ...hooks,
  };
}

/** Images without a tag, or called latest, are pulled always: they may have changed. */
function readPullPolicy(fields: FieldReader, image: string): PullPolicy {
  const given = fields.choice("imagePullPolicy", ["Always", "IfNotPresent", "Never"] as const);
  if (given) return given;
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function readEnv(fields: FieldReader): EnvSpec[] {
  fields.objects("envFrom", (from) => {
    from.pass("prefix");
    for (const kind of ["configMapRef", "secretRef"]) refuseReference(from, kind);
  });
  return fields.objects("env", (variable) => {
    const name = variable.needString("name");
    if (name !== "" && !isEnvName(name)) {
      variable.invalid("name", name, "must consist of printable characters without '='");
    }
    const value = variable.string("value");
    const source = variable.object("valueFrom", (from) => {
      if (value) from.error("", "Invalid value: may not be specified when `value` is not empty");
      for (const kind of ["configMapKeyRef", "secretKeyRef"]) refuseReference(from, kind);
      const fieldPath = from.object("fieldRef", readFieldRef);
      const resource = from.object("resourceFieldRef", readResourceRef);
      return { ...(fieldPath && { fieldPath }), ...(resource && { resource }) };
    });
    return { name, ...(value !== undefined && { value }), ...source };
  });
}

/** An optional reference to what only the API server has stays empty; any other is an error. */
function refuseReference(from: FieldReader, kind: string): void {
  from.object(kind, (reference) => {
    reference.pass("name", "key");
    if (reference.boolean("optional")) return;
    reference.error("", "Forbidden: a static pod has no API server to take this from");
  });
}

function readPorts(fields: FieldReader): PortSpec[] {
  const names = new Set<string>();
  return fields.objects("ports", (port) => {
    const name = port.string("name");
    if (name !== undefined && names.has(name)) {
      port.error("name", `Duplicate value: ${JSON.stringify(name)}`);
    }
    if (name !== undefined) names.add(name);
    const containerPort = port.integer("containerPort", { min: 1, max: 65535 });
    if (!port.has("containerPort")) port.error("containerPort", "Required value");
    const hostPort = port.integer("hostPort", { min: 1, max: 65535 });
    const hostIp = port.string("hostIP");
    return {
      containerPort: containerPort ?? 0,
      protocol: port.choice("protocol", ["TCP", "UDP", "SCTP"] as const) ?? "TCP",
      ...(name && { name }),
      ...(hostPort && { hostPort }),
      ...(hostIp && { hostIp }),
    };
  });
}

function readMounts(fields: FieldReader, volumes: Set<string>): MountSpec[] {
  const paths = new Set<string>();
  return fields.objects("volumeMounts", (mount) => {
    const volume = mount.needString("name");
    if (volume !== "" && !volumes.has(volume)) mount.error("name", `Not found: "${volume}"`);
    const path = mount.needString("mountPath");
    if (path !== "" && paths.has(path)) mount.invalid("mountPath", path, "must be unique");
    paths.add(path);
    if (mount.has("subPathExpr")) {
      mount.error("subPathExpr", "Forbidden: this kubelet expands no paths; give subPath");
    }
    const subPath = mount.string("subPath");
    if (subPath?.startsWith("/") || subPath?.split("/").includes("..")) {
      mount.invalid("subPath", subPath, "must be relative, without '..'");
    }
    mount.pass("recursiveReadOnly");
    const propagation = mount.choice("mountPropagation", [
      "None",
      "HostToContainer",
      "Bidirectional",
    ] as const);
    return {
      volume,
      path: path.startsWith("/") ? path : `/${path}`,
      readOnly: mount.boolean("readOnly"),
      propagation: propagation ?? "None",
      ...(subPath && { subPath }),
    };
  });
}
