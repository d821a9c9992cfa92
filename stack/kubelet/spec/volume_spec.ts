import type { FieldReader } from "./field_reader.ts";
import { isDnsLabel, LABEL_RULE } from "./name_rules.ts";
import { parseQuantity } from "./quantity.ts";

const HOST_PATH_TYPES = [
  "",
  "DirectoryOrCreate",
  "Directory",
  "FileOrCreate",
  "File",
  "Socket",
  "CharDevice",
  "BlockDevice",
] as const;

export type HostPathType = (typeof HOST_PATH_TYPES)[number];

export type VolumeSpec =
  | { kind: "emptyDir"; name: string; memory: boolean; sizeLimitBytes?: number }
  | { kind: "hostPath"; name: string; path: string; type: HostPathType }
  | { kind: "downward"; name: string; mode: number; items: DownwardItem[] };

export interface DownwardItem {
  path: string;
  fieldPath?: string;
  resource?: { container?: string; resource: string; divisor: number };
}

/** Kinds that are filled by the API server, which a static pod does not have. */
const API_KINDS = ["configMap", "secret", "projected", "persistentVolumeClaim", "csi", "ephemeral"];
const DEFAULT_MODE = 0o644;

/** Reads spec.volumes. Volumes of kinds that cannot be had here are noted as errors. */
export function readVolumes(spec: FieldReader): VolumeSpec[] {
  const seen = new Set<string>();
  return spec
    .objects("volumes", (fields) => {
      const name = fields.needString("name");
      if (name !== "" && !isDnsLabel(name)) fields.invalid("name", name, LABEL_RULE);
      if (seen.has(name)) fields.error("name", `Duplicate value: ${JSON.stringify(name)}`);
      seen.add(name);
      return readVolume(fields, name);
    })
    .filter((volume) => volume !== undefined);
}

function readVolume(fields: FieldReader, name: string): VolumeSpec | undefined {
  for (const kind of API_KINDS) {
    if (!fields.has(kind)) continue;
    fields.error(kind, "Forbidden: a static pod has no API server to take this volume from");
    return undefined;
  }
  const kinds = ["emptyDir", "hostPath", "downwardAPI"].filter((kind) => fields.has(kind));
  if (kinds.length > 1)
    fields.error(kinds[1]!, "Forbidden: may not specify more than 1 volume type");
  switch (kinds[0]) {
    case "hostPath":
      return fields.object("hostPath", (host) => readHostPath(host, name));
    case "downwardAPI":
      return fields.object("downwardAPI", (downward) => ({
        kind: "downward",
        name,
        mode: downward.integer("defaultMode", { min: 0, max: 0o777 }) ?? DEFAULT_MODE,
        items: downward.objects("items", readDownwardItem),
      }));
    case "emptyDir":
      return fields.object("emptyDir", (empty) => readEmptyDir(empty, name));
    default:
      fields.error(
        "",
        "Required value: must specify a volume type (emptyDir, hostPath, downwardAPI)",
      );
      return undefined;
  }
}

function readEmptyDir(empty: FieldReader, name: string): VolumeSpec {
  const memory = empty.choice("medium", ["", "Memory"]) === "Memory";
  const text = empty.raw("sizeLimit");
  const size = text === undefined ? undefined : parseQuantity(String(text));
  if (text !== undefined && (size === undefined || size <= 0)) {
    empty.invalid("sizeLimit", text, "must be a quantity of bytes, such as 64Mi");
  }
  return { kind: "emptyDir", name, memory, ...(size !== undefined && { sizeLimitBytes: size }) };
}

function readHostPath(host: FieldReader, name: string): VolumeSpec {
  const path = host.needString("path");
  if (path !== "" && !path.startsWith("/")) host.invalid("path", path, "must be an absolute path");
  if (path.split("/").includes("..")) host.invalid("path", path, "must not contain '..'");
  return { kind: "hostPath", name, path, type: host.choice("type", HOST_PATH_TYPES) ?? "" };
}

function readDownwardItem(item: FieldReader): DownwardItem {
  const path = item.needString("path");
  if (path.startsWith("/") || path.split("/").includes("..")) {
    item.invalid("path", path, "must be relative, without '..'");
  }
  item.pass("mode");
  const field = item.object("fieldRef", readFieldRef);
  const resource = item.object("resourceFieldRef", readResourceRef);
  if (field === undefined && resource === undefined) {
    item.error("", "Required value: one of fieldRef, resourceFieldRef");
  }
  return { path, ...(field && { fieldPath: field }), ...(resource && { resource }) };
}

const FIELD_PATHS = [
  /^metadata\.(name|namespace|uid|labels|annotations)$/,
  /^metadata\.(labels|annotations)\['[^']+'\]$/,
  /^spec\.(nodeName|serviceAccountName)$/,
  /^status\.(hostIP|hostIPs|podIP|podIPs)$/,
];

/** Reads a fieldRef; returns its path. */
export function readFieldRef(ref: FieldReader): string {
  ref.pass("apiVersion");
  const path = ref.needString("fieldPath");
  if (path !== "" && !FIELD_PATHS.some((form) => form.test(path))) {
    ref.invalid("fieldPath", path, "must be a field of metadata, spec or status that pods offer");
  }
  return path;
}

/** Reads a resourceFieldRef. */
export function readResourceRef(ref: FieldReader) {
  const resource = ref.needString("resource");
  if (resource !== "" && !/^(limits|requests)\.(cpu|memory|ephemeral-storage)$/.test(resource)) {
    ref.invalid("resource", resource, "must be limits.X or requests.X with cpu or memory");
  }
  const container = ref.string("containerName");
  const text = ref.raw("divisor");
  const divisor = text === undefined || text === "0" ? 1 : parseQuantity(String(text));
  if (divisor === undefined || divisor <= 0) ref.invalid("divisor", text, "must be a quantity");
  return { resource, divisor: divisor ?? 1, ...(container && { container }) };
}
