import { createHash } from "node:crypto";
import { parseAllDocuments, type Tags } from "yaml";
import { FieldReader, type SpecFindings } from "./field_reader.ts";
import { isDnsLabel, isDnsSubdomain, LABEL_RULE, SUBDOMAIN_RULE } from "./name_rules.ts";
import type { Pod } from "./pod.ts";
import { readPodSpec } from "./pod_spec.ts";

/** One document of a manifest: a pod, or why it is none. */
export interface ManifestEntry extends SpecFindings {
  /** The manifest's path, with the document's number where there are several. */
  origin: string;
  pod?: Pod;
}

/** A manifest larger than this is refused unread: etcd would not take a pod of that size. */
export const MAX_MANIFEST_BYTES = 1_572_864;
const MAX_DOCUMENTS = 256;
/** Aliases that expand each other ("billion laughs") end here. */
const MAX_ALIASES = 100;

/**
 * Kubernetes reads YAML 1.1: 0644 is octal and `yes` is true. Its parser knows neither dates nor
 * numbers of base 60, so that 12:30 is a text.
 */
const DIALECT = {
  version: "1.1",
  schema: "yaml-1.1",
  customTags: (tags: Tags): Tags =>
    tags.filter((tag) => typeof tag === "string" || !isForeign(tag)),
  uniqueKeys: true,
} as const;

function isForeign({ tag, format }: { tag: string; format?: string }): boolean {
  return format === "TIME" || /:(timestamp|binary|omap|pairs|set)$/.test(tag);
}

/**
 * Reads a manifest: v1 Pod or PodList, YAML (any number of documents) or JSON, which is YAML too.
 * Never throws: what is wrong is told entry by entry.
 */
export function readManifest(text: string, path: string, nodeName: string): ManifestEntry[] {
  const documents = parseAllDocuments(text, DIALECT);
  if (!Array.isArray(documents)) return [];
  const entries: ManifestEntry[] = [];
  for (const [index, document] of documents.slice(0, MAX_DOCUMENTS).entries()) {
    const origin = documents.length > 1 ? `${path}#${index + 1}` : path;
    const broken = document.errors[0];
    if (broken) {
      entries.push(refusal(origin, "", firstLine(broken.message)));
      continue;
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      entries.push(refusal(origin, "", firstLine(String(error))));
      continue;
    }
    if (value !== null && value !== undefined) {
      entries.push(...readObject(value, origin, path, nodeName));
    }
  }
  if (documents.length > MAX_DOCUMENTS) entries.push(tooMany(path, "documents"));
  return entries;
}

/** A pod, or each of a PodList's. */
function readObject(
  value: unknown,
  origin: string,
  path: string,
  nodeName: string,
): ManifestEntry[] {
  const kind = (value as { kind?: unknown }).kind;
  const items = (value as { items?: unknown }).items;
  if ((kind === "PodList" || kind === "List") && Array.isArray(items)) {
    const pods = items
      .slice(0, MAX_DOCUMENTS)
      .map((item, index) => readPod(item, `${origin}#${index + 1}`, path, nodeName));
    return items.length > MAX_DOCUMENTS ? [...pods, tooMany(origin, "items")] : pods;
  }
  return [readPod(value, origin, path, nodeName)];
}

function readPod(value: unknown, origin: string, path: string, nodeName: string): ManifestEntry {
  const findings: SpecFindings = { errors: [], warnings: [] };
  const root = new FieldReader(value, "", findings);
  const version = root.string("apiVersion");
  const kind = root.string("kind") ?? "Pod";
  if (kind !== "Pod") {
    root.error("kind", `Unsupported value: ${JSON.stringify(kind)}: a static manifest holds Pods`);
    return { origin, ...findings };
  }
  if (version !== "v1") root.error("apiVersion", 'Unsupported value: supported values: "v1"');
  root.pass("status");
  const metadata = root.object("metadata", readMetadata);
  if (!metadata) root.error("metadata.name", "Required value: name or generateName is required");
  const spec = root.object("spec", readPodSpec);
  if (!root.has("spec")) root.error("spec", "Required value");
  root.finish();
  if (findings.errors.length > 0 || !metadata || !spec) return { origin, ...findings };
  const raw = value as { spec: unknown; metadata: unknown };
  const { uid, ...rest } = metadata;
  const identity = { ...rest, name: `${rest.name}-${nodeName}` };
  const pod: Pod = {
    ...identity,
    uid: uid ?? contentUid(path, nodeName, raw),
    spec,
    origin,
    rawSpec: raw.spec,
  };
  return { origin, pod, ...findings };
}

function readMetadata(metadata: FieldReader) {
  metadata.pass("creationTimestamp", "generation", "resourceVersion", "managedFields", "selfLink");
  metadata.pass("ownerReferences", "finalizers", "generateName", "deletionTimestamp");
  const name = metadata.needString("name");
  if (name !== "" && !isDnsSubdomain(name)) metadata.invalid("name", name, SUBDOMAIN_RULE);
  const namespace = metadata.string("namespace") || "default";
  if (!isDnsLabel(namespace)) metadata.invalid("namespace", namespace, LABEL_RULE);
  const uid = metadata.string("uid");
  // It becomes the name of folders and cgroups.
  if (uid !== undefined && !/^[a-zA-Z0-9-]{1,64}$/.test(uid)) {
    metadata.invalid("uid", uid, "must consist of letters, digits and '-'");
  }
  return {
    name,
    namespace,
    ...(uid && { uid }),
    labels: metadata.stringMap("labels"),
    annotations: metadata.stringMap("annotations"),
  };
}

/**
 * A static pod's uid: the same for the same text at the same place, so that a kubelet that starts
 * again knows its pods, and another as soon as anything of it changes.
 */
function contentUid(path: string, nodeName: string, raw: unknown): string {
  const hash = createHash("md5");
  return hash.update(JSON.stringify([nodeName, path, raw])).digest("hex");
}

function tooMany(origin: string, what: "documents" | "items"): ManifestEntry {
  const message = `more than ${MAX_DOCUMENTS} ${what}: those after them are left out`;
  return refusal(origin, "", message);
}

function refusal(origin: string, path: string, message: string): ManifestEntry {
  return { origin, errors: [{ path, message }], warnings: [] };
}

function firstLine(text: string): string {
  return text.split("\n")[0]!.replace(/:$/, "");
}
