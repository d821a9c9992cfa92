import type { PodPlace } from "./sample.ts";

/** containerd's CRI writes these into the container's annotations. */
const CRI = "io.kubernetes.cri.";
/** A pod's own container has no name of its own; cAdvisor says so too. */
const POD_ITSELF = "POD";

/** The pod of a container by the annotations that containerd's CRI gives it. */
export function podOfLabels(label: (key: string) => string | undefined): PodPlace | undefined {
  const pod = label(`${CRI}sandbox-name`);
  const namespace = label(`${CRI}sandbox-namespace`);
  if (pod === undefined || namespace === undefined) return undefined;
  return { namespace, pod, container: label(`${CRI}container-name`) ?? POD_ITSELF };
}

/** The pod of a container by the name that a dockershim gives it: k8s_CONTAINER_POD_NAMESPACE_… */
export function podOfName(name: string): PodPlace | undefined {
  const [prefix, container, pod, namespace, uid] = name.split("_");
  if (prefix !== "k8s" || !container || !pod || !namespace || !uid) return undefined;
  return { namespace, pod, container };
}
