import type { ContainerSpec, Pod } from "../spec/pod.ts";
import { divideQuantity } from "../spec/quantity.ts";

/** What the node knows and a manifest does not. */
export interface NodeFacts {
  name: string;
  ip: string;
  cpuCores: number;
  memoryBytes: number;
}

/** What a pod's containers can be told of it. */
export interface DownwardScope {
  pod: Pod;
  node: NodeFacts;
  /** The pod's addresses, once its sandbox has them. */
  podIps: string[];
}

interface Reference {
  fieldPath?: string;
  resource?: { container?: string; resource: string; divisor: number };
}

/** The value of a fieldRef or resourceFieldRef; `container` is the one that asks. */
export function downwardValue(
  reference: Reference,
  scope: DownwardScope,
  container?: ContainerSpec,
): string {
  if (reference.fieldPath !== undefined) return fieldValue(reference.fieldPath, scope);
  const { resource } = reference;
  if (!resource) return "";
  const all = [...scope.pod.spec.containers, ...scope.pod.spec.initContainers];
  const named = resource.container && all.find(({ name }) => name === resource.container);
  const of = named || container;
  return of ? resourceValue(of, resource, scope.node) : "";
}

function fieldValue(path: string, { pod, node, podIps }: DownwardScope): string {
  const one = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (one) return pod[one[1] as "labels" | "annotations"][one[2]!] ?? "";
  const ips = pod.spec.hostNetwork ? [node.ip] : podIps;
  switch (path) {
    case "metadata.name":
      return pod.name;
    case "metadata.namespace":
      return pod.namespace;
    case "metadata.uid":
      return pod.uid;
    case "metadata.labels":
      return mapLines(pod.labels);
    case "metadata.annotations":
      return mapLines(pod.annotations);
    case "spec.nodeName":
      return node.name;
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName;
    case "status.podIP":
      return ips[0] ?? "";
    case "status.podIPs":
      return ips.join(",");
    default:
      // status.hostIP and status.hostIPs: the manifest's reader admits nothing else.
      return node.ip;
  }
}

/** The form of the files that downward API volumes hold. */
function mapLines(map: Record<string, string>): string {
  const keys = Object.keys(map).sort();
  return keys.map((key) => `${key}=${JSON.stringify(map[key])}`).join("\n");
}

/** A limit that is not set is what the node has; a request that is not set is 0. */
function resourceValue(
  container: ContainerSpec,
  { resource, divisor }: { resource: string; divisor: number },
  node: NodeFacts,
): string {
  const [kind, name] = resource.split(".") as ["limits" | "requests", string];
  const whole = name === "cpu" ? node.cpuCores : name === "memory" ? node.memoryBytes : 0;
  const amount = container.resources[kind][name] ?? (kind === "limits" ? whole : 0);
  return divideQuantity(amount, divisor);
}
