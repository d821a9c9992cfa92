import type { ContainerMetadata } from "#gen/wire/cri/proto/container_config_pb.ts";
import type { PodSandboxMetadata } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";

/*
 * Names of Docker containers, as every dockershim gives them:
 *   k8s_POD_<pod>_<namespace>_<uid>_<attempt>           the sandbox
 *   k8s_<container>_<pod>_<namespace>_<uid>_<attempt>   a container
 * Pod, namespace and container names hold no underscore.
 */
const PREFIX = "k8s";
const SANDBOX = "POD";

/** The name of a pod's sandbox. */
export function sandboxName(pod: PodSandboxMetadata): string {
  return [PREFIX, SANDBOX, pod.name, pod.namespace, pod.uid, pod.attempt].join("_");
}

/** The name of a container of a pod. */
export function containerName(pod: PodSandboxMetadata, container: ContainerMetadata): string {
  const { name, attempt } = container;
  return [PREFIX, name, pod.name, pod.namespace, pod.uid, attempt].join("_");
}

/** What a name tells; a suffix that was added to make it unique is not told. */
export interface ParsedName {
  container: string;
  pod: string;
  namespace: string;
  uid: string;
  attempt: number;
}

/** Reads a name of either kind; undefined when a dockershim did not give it. */
export function parseName(name: string): ParsedName | undefined {
  const parts = name.replace(/^\//, "").split("_");
  if (parts.length !== 6 && parts.length !== 7) return undefined;
  const [prefix, container, pod, namespace, uid, attempt] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (prefix !== PREFIX || !/^[0-9]{1,10}$/.test(attempt)) return undefined;
  return { container, pod, namespace, uid, attempt: Number(attempt) };
}
