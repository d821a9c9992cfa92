import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import { NOTE } from "../container/labels.ts";
import type { PodContext } from "../pod/pod_context.ts";
import type { SandboxView } from "../runtime/pod_runtime.ts";
import type { Pod, PodSpec } from "../spec/pod.ts";
import { podsWithFiles, removePodFiles } from "../volume/pod_volumes.ts";

const GRACE_SECONDS = 30;

/**
 * Pods in the runtime that a kubelet started from a manifest which is gone: their manifests were
 * taken away while no kubelet ran. Other pods, such as crictl's, are none of its business.
 */
export function orphanedPods(sandboxes: readonly SandboxView[], known: Set<string>): Pod[] {
  const orphans = new Map<string, Pod>();
  for (const sandbox of sandboxes) {
    if (sandbox.annotations[NOTE.source] !== "file" || known.has(sandbox.uid)) continue;
    orphans.set(sandbox.uid, podOf(sandbox));
  }
  return [...orphans.values()];
}

/** As much of a pod as is needed to end it. */
function podOf({ name, namespace, uid, labels, annotations }: SandboxView): Pod {
  const spec: PodSpec = {
    ...{ initContainers: [], containers: [], volumes: [], restartPolicy: "Never" },
    terminationGraceSeconds: GRACE_SECONDS,
    ...{ hostNetwork: false, hostPid: false, hostIpc: false, shareProcesses: false },
    ...{ dnsPolicy: "Default", dns: { servers: [], searches: [], options: [] }, hostAliases: [] },
    ...{ serviceAccountName: "", runtimeHandler: "" },
    security: { supplementalGroups: [], sysctls: {} },
  };
  return { name, namespace, uid, labels, annotations, spec, rawSpec: {}, origin: "(gone)" };
}

/** Removes files, cgroups and logs of pods that neither a manifest nor the runtime knows. */
export function removeLeftovers(context: PodContext, known: Set<string>): void {
  const { folders, cgroups, log } = context;
  const step = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      log.warn("cannot remove what a pod left", {
        what,
        error: toChainError(thrown, "kubelet", "clean up").words,
      });
    }
  };
  for (const uid of podsWithFiles(folders)) {
    if (!known.has(uid)) void step(uid, () => removePodFiles(folders, uid));
  }
  for (const [uid, path] of cgroups.existing()) {
    if (!known.has(uid)) void step(path, () => cgroups.remove(path));
  }
  for (const name of logFolders(folders.logs)) {
    const uid = name.slice(name.lastIndexOf("_") + 1);
    if (known.has(uid)) continue;
    void step(name, () => rmSync(join(folders.logs, name), { recursive: true, force: true }));
  }
}

function logFolders(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.split("_").length === 3);
  } catch {
    // It is made with the first pod.
    return [];
  }
}
