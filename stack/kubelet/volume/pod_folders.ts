import { join } from "node:path";
import type { Pod } from "../spec/pod.ts";

/** Where a pod's files lie, as in a genuine kubelet's root folder. */
export class PodFolders {
  readonly root: string;
  readonly logs: string;

  constructor(root: string, logs: string) {
    this.root = root;
    this.logs = logs;
  }

  get pods(): string {
    return join(this.root, "pods");
  }

  pod(uid: string): string {
    return join(this.pods, uid);
  }

  volume(uid: string, name: string, kind: "emptyDir" | "downward"): string {
    const plugin = kind === "emptyDir" ? "kubernetes.io~empty-dir" : "kubernetes.io~downward-api";
    return join(this.pod(uid), "volumes", plugin, name);
  }

  container(uid: string, name: string): string {
    return join(this.pod(uid), "containers", name);
  }

  hostsFile(uid: string): string {
    return join(this.pod(uid), "etc-hosts");
  }

  /** The folder of a pod's container logs: `<namespace>_<name>_<uid>`. */
  podLogs(pod: Pick<Pod, "namespace" | "name" | "uid">): string {
    return join(this.logs, `${pod.namespace}_${pod.name}_${pod.uid}`);
  }
}
